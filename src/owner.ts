/**
 * Who holds leases. A process has one name, and whatever works in it one of its own, `process#3`: what a worker held that
 * has failed is renewed by nobody then, though its process lives and has begun another.
 */

/** Counts all of this process: two under one name would renew each other's leases. */
let holders = 0;

/** A new name on leases within a process. */
export function newHolder(process: string): string {
  holders += 1;
  return `${process}#${holders}`;
}

/** The process of a holder; a process is its own. */
export function processOf(owner: string): string {
  return owner.replace(/#\d+$/, '');
}
