import { type Alert, type AlertSeverity, alertSeverities, type NewAlert } from '../../service-store.ts';
import type { Database } from './database.ts';
import { addEvent } from './events.ts';
import { defined, number, oneOf, optionalNumber, type Row, text } from './rows.ts';

/** One open alert of a name and subject at a time. */

export function raiseAlert(db: Database, alert: NewAlert, now: number): boolean {
  // Looked up outside of the transaction: what is as it was takes no write lock.
  const raised = db.read(() => findOpen(db, alert.name, alert.subject));
  if (raised && isSame(raised, alert)) return false;
  return db.write(() => {
    const { severity, title, message } = alert;
    const open = findOpen(db, alert.name, alert.subject);
    if (open) {
      db.sql('UPDATE alerts SET severity = ?, title = ?, message = ? WHERE id = ?').run(
        severity,
        title,
        message,
        number(open, 'id'),
      );
      return false;
    }
    const { lastInsertRowid } = db
      .sql('INSERT INTO alerts (name, subject, severity, title, message, raised_at) VALUES (?, ?, ?, ?, ?, ?)')
      .run(alert.name, alert.subject, severity, title, message, now);
    addEvent(db, { at: now, type: 'alert_raised', detail: String(lastInsertRowid) });
    return true;
  });
}

export function resolveAlert(db: Database, name: string, subject: string, now: number): boolean {
  if (!db.read(() => findOpen(db, name, subject))) return false;
  return db.write(() => {
    const open = findOpen(db, name, subject);
    if (!open) return false;
    const id = number(open, 'id');
    db.sql('UPDATE alerts SET resolved_at = ? WHERE id = ?').run(now, id);
    addEvent(db, { at: now, type: 'alert_resolved', detail: String(id) });
    return true;
  });
}

/** Newest first. */
export function listAlerts(db: Database, filter: { openOnly?: boolean; limit: number }): Alert[] {
  // Few are open: to put the critical ones first costs nothing, and none is cut off by many of less weight.
  const order = filter.openOnly
    ? "WHERE resolved_at IS NULL ORDER BY severity <> 'critical', id DESC"
    : 'ORDER BY id DESC';
  return db.read(() => db.sql(`SELECT * FROM alerts ${order} LIMIT ?`).all(filter.limit)).map(toAlert);
}

function findOpen(db: Database, name: string, subject: string): Row | undefined {
  return db.sql('SELECT * FROM alerts WHERE name = ? AND subject = ? AND resolved_at IS NULL').get(name, subject);
}

function isSame(raised: Row, { severity, title, message }: NewAlert): boolean {
  return raised.severity === severity && raised.title === title && raised.message === message;
}

function toAlert(row: Row): Alert {
  const severity: AlertSeverity = oneOf(row, 'severity', alertSeverities);
  return {
    id: number(row, 'id'),
    name: text(row, 'name'),
    subject: text(row, 'subject'),
    severity,
    title: text(row, 'title'),
    message: text(row, 'message'),
    raisedAt: number(row, 'raised_at'),
    ...defined('resolvedAt', optionalNumber(row, 'resolved_at')),
  };
}
