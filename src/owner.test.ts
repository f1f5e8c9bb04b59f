import { expect, test } from 'vitest';
import { newHolder, processOf } from './owner.ts';

test('every holder has a name of its own, and its process is known by it', () => {
  const process = 'host:1:2:abc';
  const holders = [newHolder(process), newHolder(process)];
  expect(new Set(holders).size).toBe(2);
  expect(holders.map(processOf)).toEqual([process, process]);
});

test('a process is its own, whatever it is called', () => {
  for (const name of ['host:1:2:abc', 'a#b', '#', '']) expect(processOf(name)).toBe(name);
});
