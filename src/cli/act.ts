import type { Command } from 'commander';
import type { Context, GlobalFlags } from './context.ts';

/** Makes commander's action of one of ours; commander gives an argument only where the command has one. */
export type Act = <F extends GlobalFlags>(
  action: (context: Context, argument: string | undefined, flags: F) => Promise<number>,
) => (...given: [F, Command] | [string | undefined, F, Command]) => Promise<void>;
