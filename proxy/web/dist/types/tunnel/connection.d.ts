/** A client asks for a port. Whoever listens decides; what accepting and refusing mean is the server's business. */
import type { PeerToPeerWebSocket } from "./socket.js";
/**
 * If no listener decides, the server accepts if `listen` was called for the port, and refuses otherwise. Who wants to
 * decide later calls `preventDefault`; the relay waits for 10 seconds, by default.
 */
export declare class ConnectionEvent extends Event {
    #private;
    /** The number of the connection at the relay. */
    get channel(): number;
    get port(): number;
    /** The address from which the client came to the relay. */
    get address(): string;
    /** Whether it was accepted or refused. */
    get decided(): boolean;
    /**
     * Takes the client. @returns The socket, the same each time.
     *
     * @throws {DOMException} `InvalidStateError` if it was refused, or the client has left, or the relay has given up.
     */
    accept(): PeerToPeerWebSocket;
    /**
     * Sends the client away. It is told the reason: at most 123 bytes.
     *
     * @throws {DOMException} `SyntaxError` for a longer reason; `InvalidStateError` as `accept`.
     */
    refuse(reason?: string): void;
}
