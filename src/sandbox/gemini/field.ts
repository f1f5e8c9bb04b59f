import type { JsonObject } from '../json.ts';

const snakeNames = new Map<string, string>();

/** A field by its camelCase name; the service takes the snake_case spelling as well (contract section 3). */
export function field(object: JsonObject, name: string): unknown {
  const value = object[name];
  return value === undefined ? object[snakeName(name)] : value;
}

function snakeName(name: string): string {
  let snake = snakeNames.get(name);
  if (snake === undefined) {
    snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    snakeNames.set(name, snake);
  }
  return snake;
}
