/** The classic script: puts the classes on the global object, unless the platform has them one day. */
import * as core from "./core.js";
declare global {
    var NetworkWebSocket: typeof core.NetworkWebSocket;
    var LocalWebSocket: typeof core.LocalWebSocket;
    var BroadcastWebSocket: typeof core.BroadcastWebSocket;
}
