import type { Random } from '../../ids.ts';
import type { ServiceStore } from '../../service-store.ts';
import * as alerts from './alerts.ts';
import { cancelBatch, cancelJob } from './cancel.ts';
import type { Database } from './database.ts';
import * as deliveries from './deliveries.ts';
import * as duties from './duties.ts';
import { enqueue } from './enqueue.ts';
import { listUnserved } from './lanes.ts';
import * as outbox from './outbox.ts';
import * as queues from './queues.ts';
import { requeueJob } from './requeue.ts';
import * as settings from './settings.ts';
import * as tokens from './tokens.ts';

export interface ServiceOptions {
  /** For the ids of runs. */
  random: Random;
  /** When what people watch has happened, where the caller names no time. */
  now: () => number;
}

/** What the always-on service keeps, in the same file; see the port. */
export function createServiceStore(db: Database, { random, now }: ServiceOptions): ServiceStore {
  return {
    enqueue: async (jobs, at) => enqueue(db, jobs, at, random),
    sealQueues: async (runIds, at, mark) => queues.sealQueues(db, runIds, at, mark),
    lastMark: async (name) => queues.lastMark(db, name),
    release: async (runId, limit, callbackUrl) => queues.release(db, { runId, limit, callbackUrl }, now()),
    listRunCallbacks: async (runId) => queues.listRunCallbacks(db, runId),
    listQueues: async () => queues.listQueues(db),
    listUnserved: async (accounts) => listUnserved(db, accounts),
    cancelJob: async (job) => cancelJob(db, job, now()),
    requeueJob: async (job) => requeueJob(db, job, now()),
    cancelBatch: async (batchId) => cancelBatch(db, batchId, now()),
    getSettings: async () => settings.getSettings(db),
    changeSettings: async (change, at) => settings.changeSettings(db, change, at),
    addToken: async (token, hash) => tokens.addToken(db, token, hash),
    findToken: async (hash) => tokens.findToken(db, hash),
    listTokens: async () => tokens.listTokens(db),
    revokeToken: async (id, at) => tokens.revokeToken(db, id, at),
    claimDuty: async (name, owner, at, until) => duties.claimDuty(db, name, owner, at, until),
    releaseDuties: async (owner) => duties.releaseDuties(db, owner),
    planDeliveries: async (at) => deliveries.planDeliveries(db, at),
    claimDeliveries: async (owner, at, until, limit) => deliveries.claimDeliveries(db, owner, at, until, limit),
    bookDelivery: async (id, lease, attempt, outcome, nextAt) =>
      deliveries.bookDelivery(db, id, lease, attempt, outcome, nextAt),
    listDeliveries: async (filter) => deliveries.listDeliveries(db, filter),
    getDelivery: async (id) => deliveries.getDelivery(db, id),
    redeliver: async (id, at) => deliveries.redeliver(db, id, at),
    postponeDelivery: async (id, lease, nextAt) => outbox.postponeDelivery(db, id, lease, nextAt),
    getCursor: async (name) => outbox.getCursor(db, name),
    planFrom: async (cursor, planned, at) => outbox.planFrom(db, cursor, planned, at),
    raiseAlert: async (alert, at) => alerts.raiseAlert(db, alert, at),
    resolveAlert: async (name, subject, at) => alerts.resolveAlert(db, name, subject, at),
    listAlerts: async (filter) => alerts.listAlerts(db, filter),
  };
}
