import type { Batch } from '../batch.ts';
import { hasCode, OffpeakError } from '../errors.ts';
import { parseCustomId } from '../ids.ts';
import type { RemoteBatch } from '../provider.ts';
import { hedgeIfLate } from './deadline.ts';
import { backoffMs, batchApiOf, type Engine, leaseOf } from './engine.ts';
import { accepted, startJobs } from './submit.ts';

/**
 * Finds out what became of a create whose reply was lost. Ours is proved by what we let it carry (the nonce, or the
 * input file, which belongs to this batch alone), or by the custom ids in its results once it has ended. Absence counts
 * only after several complete listings over a grace period: a provider may list a new batch late, and a second create
 * would be paid twice.
 */
export async function reconcile(engine: Engine, batch: Batch, signal: AbortSignal): Promise<Batch> {
  const { store, clock } = engine;
  const { limits } = batchApiOf(engine, batch);
  const run = await store.getRun(batch.runId);
  // To find out may take as long as a batch does.
  if (run) await hedgeIfLate(engine, run, batch, signal);
  const { found, mayBeOurs, unreadable } = await findOurs(engine, batch, signal);
  if (found) {
    engine.emit({ type: 'note', message: `batch ${batch.id} was accepted as ${found.remoteId}; going on with it` });
    const adopted = await store.updateBatch(leaseOf(batch), accepted(engine, batch, found), clock.now());
    await startJobs(engine, adopted);
    return adopted;
  }
  if (mayBeOurs) return waitForProof(engine, batch, mayBeOurs);
  if (unreadable?.length) throw cannotTell(batch, unreadable);
  const now = clock.now();
  const absentSince = batch.absentSince ?? now;
  const absences = batch.absences + 1;
  const isAbsent = absences >= limits.absentListings && now - absentSince >= limits.absentGraceMs;
  if (isAbsent) {
    engine.emit({ type: 'note', message: `batch ${batch.id} was not accepted; sending it again` });
    return store.updateBatch(leaseOf(batch), { state: 'packed', tries: 0, nextAt: 0 }, now);
  }
  if (absences === 1) {
    const seconds = Math.ceil(limits.absentGraceMs / 1000);
    const message = `looking at the provider whether batch ${batch.id} was accepted; this can take ${seconds} s`;
    engine.emit({ type: 'note', message });
  }
  const pause = Math.max(
    Math.ceil(limits.absentGraceMs / limits.absentListings),
    backoffMs(engine.retry, 1, engine.random),
  );
  return store.updateBatch(leaseOf(batch), { absences, absentSince, nextAt: now + pause }, now);
}

interface Search {
  found?: RemoteBatch;
  /** It fits, but only its results can tell, and it still runs. */
  mayBeOurs?: RemoteBatch;
  /** They fit and have ended, but their results do not tell whose they are. */
  unreadable?: readonly RemoteBatch[];
}

async function findOurs(engine: Engine, batch: Batch, signal: AbortSignal): Promise<Search> {
  const api = batchApiOf(engine, batch);
  const candidates: RemoteBatch[] = [];
  for await (const remote of api.list(signal)) {
    // One that was refused ran nothing. It may be this submission's earlier try, and must not hide a later one that the
    // listing does not show yet.
    if (remote.phase === 'refused') continue;
    if (remote.nonce === batch.nonce) return { found: remote };
    if (batch.inputFileId !== undefined && remote.inputFileId === batch.inputFileId) return { found: remote };
    if (api.proof === 'results' && fits(engine, batch, remote)) candidates.push(remote);
  }
  const ours = await engine.store.findRemotes(
    batch.account,
    candidates.map(({ remoteId }) => remoteId),
    'submitted',
  );
  const search: Search = {};
  const unreadable: RemoteBatch[] = [];
  for (const candidate of candidates) {
    // It belongs to another batch of ours.
    if (ours.has(candidate.remoteId)) continue;
    if (candidate.phase === 'running') search.mayBeOurs ??= candidate;
    else {
      const owner = await ownerOf(engine, batch, candidate, signal);
      if (owner === 'ours') return { found: candidate };
      if (owner === 'unknown') unreadable.push(candidate);
    }
  }
  return { ...search, unreadable };
}

/** How far a provider's clock may be from ours, a wrong time zone and day included: a foreign batch costs one look more. */
const clockToleranceMs = 26 * 3_600_000;

/** As many requests, made when ours was sent: not a proof, for an identical batch may have been sent that second. */
function fits(engine: Engine, batch: Batch, remote: RemoteBatch): boolean {
  if (remote.counts && remote.counts.total !== batch.requests) return false;
  if (remote.createdAt === undefined) return true;
  const lostBy = batch.absentSince ?? engine.clock.now();
  const sentAt = batch.submittedAt ?? batch.createdAt;
  return remote.createdAt >= sentAt - clockToleranceMs && remote.createdAt <= lostBy + clockToleranceMs;
}

/**
 * The first line that can be read decides: every custom id of ours carries the submission's nonce. A reading that ends
 * without one proves nothing: to send the batch again on the strength of it might be to pay twice.
 */
async function ownerOf(
  engine: Engine,
  batch: Batch,
  remote: RemoteBatch,
  signal: AbortSignal,
): Promise<'ours' | 'foreign' | 'unknown'> {
  try {
    for await (const { customId } of batchApiOf(engine, batch).results(remote, signal)) {
      if (customId !== undefined) return parseCustomId(customId)?.nonce === batch.nonce ? 'ours' : 'foreign';
    }
  } catch (error) {
    // Removed, or no longer kept.
    if (!hasCode(error, 'not_found')) throw error;
  }
  return 'unknown';
}

/** Several may be it, when replies were lost more than once: a person has to see them all. */
const namedAtMost = 20;

/** Counted like a batch that cannot be found: after many looks its jobs are given up, and a person decides. */
function cannotTell(batch: Batch, unreadable: readonly RemoteBatch[]): OffpeakError {
  const names = unreadable.slice(0, namedAtMost).map(({ remoteId }) => `${batch.provider}:${remoteId}`);
  const more = unreadable.length - names.length;
  const which = [...names, ...(more > 0 ? [`${more} more`] : [])].join(' or ');
  const message = `${which} may be batch ${batch.id}, but no results tell whose it is`;
  return new OffpeakError(message, { code: 'not_found', retryable: true });
}

function waitForProof(engine: Engine, batch: Batch, candidate: RemoteBatch): Promise<Batch> {
  const { store, clock } = engine;
  if (batch.rawStatus !== candidate.rawStatus) {
    const message = `batch ${batch.id} may be ${candidate.remoteId}: its results will tell, once it has ended`;
    engine.emit({ type: 'note', message });
  }
  const nextAt = clock.now() + batchApiOf(engine, batch).limits.pollMaxMs;
  // What fits is there, so nothing is absent.
  const absentSince = batch.absentSince ?? clock.now();
  const change = { absences: 0, absentSince, notFound: 0, rawStatus: candidate.rawStatus, nextAt };
  return store.updateBatch(leaseOf(batch), change, clock.now());
}
