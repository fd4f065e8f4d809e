// The conference's page: the camera, the faces, and the buttons.

import { shortId } from "/console/identity.js";
import { roomControls, roomName, showState, tell } from "../shared/room.js";
import { Conference } from "./conference.js";

const element = (id) => /** @type {any} */ (document.getElementById(id));

const room = roomName("example-webrtc");
roomControls(room);

/** @type {Conference | undefined} */
let conference;
/** @type {MediaStream | undefined} */
let stream;

element("join").addEventListener("click", () => enter(true));
element("watch").addEventListener("click", () => enter(false));
element("leave").addEventListener("click", leave);
element("mute").addEventListener("click", () => toggle("mute", "getAudioTracks"));
element("hide").addEventListener("click", () => toggle("hide", "getVideoTracks"));

async function enter(withCamera) {
  element("join").disabled = element("watch").disabled = true;
  try {
    stream = withCamera ? await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: 640, height: 480 } }) : new MediaStream();
    conference = new Conference(room, stream);
  } catch (error) {
    tell(words(error));
    return leave();
  }
  document.body.dataset.joined = "";
  showButtons();
  showState(conference.channel);
  if (withCamera) face("you", stream, true);
  conference.addEventListener("call", ({ detail: call }) => {
    const figure = face(shortId(call.id), undefined, false);
    call.addEventListener("stream", ({ detail }) => (figure.querySelector("video").srcObject = detail));
    call.addEventListener("state", ({ detail }) => (figure.dataset.state = detail));
    call.addEventListener("end", () => figure.remove());
  });
}

function leave() {
  conference?.leave();
  for (const track of stream?.getTracks() ?? []) track.stop();
  conference = stream = undefined;
  element("faces").replaceChildren();
  element("join").disabled = element("watch").disabled = false;
  showButtons();
}

function showButtons() {
  for (const id of ["join", "watch", "welcome"]) element(id).hidden = !!conference;
  element("leave").hidden = !conference;
  element("mute").hidden = !stream?.getAudioTracks().length;
  element("hide").hidden = !stream?.getVideoTracks().length;
  for (const id of ["mute", "hide"]) element(id).setAttribute("aria-pressed", "false");
}

function toggle(id, tracks) {
  const off = element(id).getAttribute("aria-pressed") !== "true";
  for (const track of stream?.[tracks]() ?? []) track.enabled = !off;
  element(id).setAttribute("aria-pressed", String(off));
}

function face(name, media, own) {
  const figure = document.createElement("figure");
  figure.className = own ? "face own" : "face";
  figure.dataset.state = own ? "connected" : "new";
  const video = Object.assign(document.createElement("video"), { autoplay: true, playsInline: true, muted: own, srcObject: media ?? null });
  video.setAttribute("aria-label", own ? "Your camera" : `Camera of ${name}`);
  figure.append(video, Object.assign(document.createElement("figcaption"), { textContent: name }));
  element("faces").append(figure);
  return figure;
}

function words(error) {
  if (error.name === "NotAllowedError") return "The browser does not let this page use the camera. Allow it in its settings for this site, or only watch.";
  if (error.name === "NotFoundError") return "There is no camera or microphone here. You can still watch.";
  return error.message;
}

showButtons();
