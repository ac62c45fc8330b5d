const lineEnd = 0x0a;

/**
 * Extracts what stands between two marks from a stream that arrives in chunks. What comes before the first mark (a login shell's
 * greeting, ssh's own warnings) is kept apart; what comes behind the second one, up to its line's end, is the trailer.
 */
export class MarkedStream {
  readonly #mark: Buffer;
  #pieces: Buffer[] = [];
  #length = 0;
  #begun = false;
  #before: Buffer = Buffer.alloc(0);
  #end: { content: Buffer; trailer: string } | undefined;

  constructor(mark: string) {
    this.#mark = Buffer.from(mark);
  }

  /** True when the first mark has been seen. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /** Bytes that are held. */
  get length(): number {
    return this.#length;
  }

  /** What came before the first mark; all, where there was none. */
  get before(): Buffer {
    return this.#begun ? this.#before : Buffer.concat(this.#pieces);
  }

  /** What stands between the marks, as far as it has come. */
  get content(): Buffer {
    if (this.#end !== undefined) return this.#end.content;
    return this.#begun ? Buffer.concat(this.#pieces) : Buffer.alloc(0);
  }

  /** What stands behind the second mark; undefined until its line is complete. */
  get trailer(): string | undefined {
    return this.#end?.trailer;
  }

  /** Takes the next piece. */
  push(piece: Buffer): void {
    if (this.#end !== undefined) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    if (!this.#begun) this.#lookForBegin();
    if (this.#begun) this.#lookForEnd();
  }

  #lookForBegin(): void {
    const found = this.#find();
    if (found === undefined) return;
    this.#begun = true;
    this.#before = found.before;
    this.#keep(found.after);
  }

  #lookForEnd(): void {
    const found = this.#find();
    if (found === undefined) return;
    this.#end = { content: found.before, trailer: found.line };
    this.#keep(Buffer.alloc(0));
  }

  /** Searches the newest bytes only; all others have been searched already. */
  #find(): { before: Buffer; line: string; after: Buffer } | undefined {
    const tail = this.#tail();
    if (tail.indexOf(this.#mark) === -1) return undefined;
    const all = Buffer.concat(this.#pieces);
    const at = all.indexOf(this.#mark, Math.max(0, this.#length - tail.length));
    const end = all.indexOf(lineEnd, at);
    if (end === -1) return undefined;
    const line = all.toString('latin1', at + this.#mark.length, end).trim();
    return { before: all.subarray(0, at), line, after: all.subarray(end + 1) };
  }

  /** The last piece, with as many bytes before it as a mark and its line may take. */
  #tail(): Buffer {
    const reach = this.#mark.length + 16;
    const last = this.#pieces.at(-1)?.length ?? 0;
    const pieces: Buffer[] = [];
    let length = 0;
    for (let index = this.#pieces.length - 1; index >= 0 && length < last + reach; index -= 1) {
      const piece = this.#pieces[index];
      if (piece === undefined) break;
      pieces.unshift(piece);
      length += piece.length;
    }
    return Buffer.concat(pieces);
  }

  #keep(piece: Buffer): void {
    this.#pieces = [piece];
    this.#length = piece.length;
  }
}
