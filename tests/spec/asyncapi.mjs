// Reads spec/asyncapi.yaml with AsyncAPI's own parser, which is its linter too.

import { Parser } from "@asyncapi/parser";
import Ajv from "ajv";
import { read } from "./documents.mjs";

const ajv = new Ajv({ strict: false, allErrors: true, formats: { binary: true } });

/** What the linter has to say, and the description, if it has no error. */
export const { document, diagnostics } = await new Parser().parse(read("spec/asyncapi.yaml"));

/** All messages by their names in the components. */
export const messages = new Map(
  document
    ?.components()
    .messages()
    .all()
    .map((message) => {
      const validate = ajv.compile(message.payload().json());
      const examples = message
        .examples()
        .all()
        .map((example) => ({ name: example.name(), payload: example.payload() }));
      return [
        message.id(),
        { contentType: message.contentType() ?? document.defaultContentType(), validate, examples },
      ];
    }),
);

/** Fails with the reasons unless the value is a message of this name. */
export function check(name, value) {
  const { validate } = messages.get(name);
  if (!validate(value)) throw new Error(`${JSON.stringify(value)} is no ${name}: ${ajv.errorsText(validate.errors)}`);
}

/** The example of a message. */
export const example = (name, which) => messages.get(name).examples.find((one) => one.name === which).payload;

/** The texts that a schema gives as examples, such as the codes of errors. */
export function codes(schema) {
  const [found] = document
    .components()
    .schemas()
    .all()
    .filter((one) => one.id() === schema);
  return found.property("code").examples();
}
