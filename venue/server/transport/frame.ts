/**
 * A whole websocket text frame from a server (RFC 6455 §5.2: FIN, opcode 1, not masked), so that one buffer is built for
 * all its readers.
 */
export function textFrame(text: string): Buffer {
  const n = Buffer.byteLength(text);
  if (n < 126) {
    const frame = Buffer.allocUnsafe(n + 2);
    frame[0] = 0x81;
    frame[1] = n;
    frame.write(text, 2);
    return frame;
  }
  if (n < 65_536) {
    const frame = Buffer.allocUnsafe(n + 4);
    frame[0] = 0x81;
    frame[1] = 126;
    frame.writeUInt16BE(n, 2);
    frame.write(text, 4);
    return frame;
  }
  const frame = Buffer.allocUnsafe(n + 10);
  frame[0] = 0x81;
  frame[1] = 127;
  frame.writeBigUInt64BE(BigInt(n), 2);
  frame.write(text, 10);
  return frame;
}
