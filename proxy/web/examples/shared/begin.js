import { NetworkWebSocket } from "/network-web-sockets.mjs";

const channel = new NetworkWebSocket("any-name", { reconnect: true });

channel.onopen = () => channel.send({ hello: "all" });
channel.onmessage = ({ data, senderId }) => console.log(senderId, "says", data);
channel.onconnect = ({ detail: { target: peer } }) => {
  peer.onopen = () => peer.send("hello, you alone");
  peer.onmessage = ({ data }) => console.log(peer.id, "whispers", data);
};
