import { startSandboxProcess } from '../support/sandbox-process.ts';
import { startService } from '../support/service-under-test.ts';
import type { Undo } from '../support/temporary.ts';
import { temporaryMemory } from '../support/temporary.ts';
import type { FuzzTarget } from './fuzz-operation.ts';
import { readDocument } from './openapi-document.ts';

/** A service on the sandbox with something of everything in it, and the operations that it says it has. */
export async function openFuzzTarget(undo: Undo): Promise<FuzzTarget & { errors: string[] }> {
  const sandbox = await startSandboxProcess(undo);
  const home = temporaryMemory(undo, 'offpeak-fuzz-');
  const { url, errors, service } = await startService(undo, { home, sandboxUrl: sandbox.url });
  const outcomes = await service.queues.queue(
    ['openai', 'anthropic', 'gemini'].flatMap((provider) =>
      Array.from({ length: 4 }, (_, at) => ({
        jobType: 'hook_generation',
        provider,
        data: { product: `shoe ${at}` },
        priority: 5,
      })),
    ),
  );
  const { batches } = await service.queues.process({ jobType: 'hook_generation', provider: 'openai', maxJobs: 2 });
  const jobs = outcomes.flatMap((outcome) => ('jobId' in outcome ? [outcome.jobId] : []));
  const runs = outcomes.flatMap((outcome) => ('runId' in outcome ? [outcome.runId] : []));
  const document = readDocument(await (await fetch(`${url}/openapi.json`)).json());
  return {
    url,
    document,
    errors,
    canary: 'sk-test-0123456789abcdef',
    values: {
      job_id: jobs,
      run_id: [...new Set(runs)],
      batch_id: batches.map(({ batch_id }) => batch_id),
      provider: ['openai', 'anthropic', 'gemini'],
      time_zone: ['UTC', 'Europe/Berlin'],
      model: ['gpt-5-mini', 'claude-haiku-4-5', 'gemini-2.5-flash'],
      callback_url: ['http://127.0.0.1:9/hook'],
    },
  };
}
