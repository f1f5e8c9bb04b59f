/**
 * Which ids have been there, 16 bytes or so each whatever their length: a Set of a million strings would take some
 * 100 MB. Keeps 64-bit hashes; two different ids in a million are taken for one with a chance of 1 in 10^7.
 */
export class SeenIds {
  /** Two words an id; both 0 is a free place. A power of two, at most half full. */
  #table = new Uint32Array(2 * 1024);
  #count = 0;

  /** False when it had been added before. */
  add(id: string): boolean {
    if (this.#count * 4 >= this.#table.length) this.#grow();
    let high = 0xdeadbeef;
    let low = 0x41c6ce57;
    for (let i = 0; i < id.length; i++) {
      const unit = id.charCodeAt(i);
      high = Math.imul(high ^ unit, 0x9e3779b1);
      low = Math.imul(low ^ unit, 0x5f356495);
      high ^= high >>> 15;
      low ^= low >>> 13;
    }
    high = Math.imul(high ^ (low >>> 16), 0x85ebca6b) ^ id.length;
    low = Math.imul(low ^ (high >>> 13), 0xc2b2ae35);
    const added = place(this.#table, high >>> 0, low >>> 0 || 1);
    if (added) this.#count++;
    return added;
  }

  #grow(): void {
    const bigger = new Uint32Array(this.#table.length * 2);
    for (let i = 0; i < this.#table.length; i += 2) {
      const low = this.#table[i + 1] ?? 0;
      if (low !== 0) place(bigger, this.#table[i] ?? 0, low);
    }
    this.#table = bigger;
  }
}

/** Open addressing, one place on from a taken one. `low` is never 0. */
function place(table: Uint32Array, high: number, low: number): boolean {
  const last = table.length / 2 - 1;
  for (let at = low & last; ; at = (at + 1) & last) {
    if (table[2 * at + 1] === 0) {
      table[2 * at] = high;
      table[2 * at + 1] = low;
      return true;
    }
    if (table[2 * at] === high && table[2 * at + 1] === low) return false;
  }
}
