"""Two clients by the Python package websockets, who use the channel as README shows it."""

import asyncio
import json
import sys

import websockets


async def told(client, action):
    while True:
        message = json.loads(await asyncio.wait_for(client.recv(), 60))
        if message["action"] == action:
            return message


async def main(port):
    url = f"ws://localhost:{port}/foreign-python"
    async with websockets.connect(url) as a, websockets.connect(url, subprotocols=["first", "second"]) as b:
        assert b.subprotocol == "first", b.subprotocol
        met = await told(a, "connect")
        you, peer = met["source"], met["target"]
        assert await told(b, "connect") == {"action": "connect", "source": peer, "target": you}

        data = {"text": "é \U0001f600", "number": 12345678901234567890, "none": None, "list": [1.5, True]}
        await a.send(json.dumps({"action": "broadcast", "data": data}))
        assert await told(b, "broadcast") == {"action": "broadcast", "source": you, "data": data}
        await b.send(json.dumps({"action": "message", "target": you, "data": "x" * 200_000}))
        assert len((await told(a, "message"))["data"]) == 200_000

        # Fragments, by a library that can send them.
        async def pieces():
            for piece in ['{"action":"broad', 'cast","data":"in ', 'pieces"}']:
                yield piece

        await a.send(pieces())
        assert (await told(b, "broadcast"))["data"] == "in pieces"
        await a.send("junk")
        assert (await told(a, "error"))["code"] == "bad_json"
        await a.send(b"\x00\x01")
        assert (await told(a, "error"))["code"] == "text_only"
        waiter = await a.ping()
        await asyncio.wait_for(waiter, 10)

        await b.close(4000, "bye")
        assert b.close_code == 4000, b.close_code
        assert (await told(a, "disconnect"))["target"] == peer

        relay = f"ws://127.0.0.1:{port}/broadcast/foreign"
        async with websockets.connect(relay) as c, websockets.connect(relay) as d:
            await c.send("text")
            await c.send(b"\x00\xff")
            assert await asyncio.wait_for(d.recv(), 10) == "text"
            assert await asyncio.wait_for(d.recv(), 10) == b"\x00\xff"
    print("all is well")


asyncio.run(main(int(sys.argv[1])))
