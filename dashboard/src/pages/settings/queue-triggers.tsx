import type { Settings } from '../../../../src/service/contract/settings.ts';
import { CheckField, NumberField, SelectField, TextField } from '../../components/field.tsx';
import { type SectionProps, SettingsForm, shown, typed } from './settings-form.tsx';

type Triggers = Settings['triggers'];
/** What a queue says differently; what it does not say is as for all. */
type Own = Settings['queue_triggers'][string];

interface Draft {
  triggers: Triggers;
  queues: { name: string; own: Own }[];
}

export function QueueTriggers({ settings, saved }: SectionProps) {
  const value: Draft = {
    triggers: settings.triggers,
    queues: Object.entries(settings.queue_triggers).map(([name, own]) => ({ name, own })),
  };
  return (
    <SettingsForm
      title="Triggers"
      note="whichever comes first sends the whole queue"
      value={value}
      toChange={(draft) => ({
        triggers: draft.triggers,
        queue_triggers: Object.fromEntries(draft.queues.map(({ name, own }) => [name.trim(), own])),
      })}
      saved={saved}
    >
      {(draft, change, errorOf) => (
        <>
          <AllQueues
            triggers={draft.triggers}
            errorOf={errorOf}
            change={(triggers) => change({ ...draft, triggers })}
          />
          <h3>Exceptions</h3>
          {draft.queues.map((queue, index) => (
            <OneQueue
              // The name is what is being typed.
              key={index}
              queue={queue}
              error={errorOf(`queue_triggers.${queue.name}`)}
              change={(next) => change({ ...draft, queues: draft.queues.with(index, next) })}
              remove={() => change({ ...draft, queues: draft.queues.toSpliced(index, 1) })}
            />
          ))}
          <button
            type="button"
            class="button button-small"
            onClick={() => change({ ...draft, queues: [...draft.queues, { name: '', own: {} }] })}
          >
            Add an exception
          </button>
        </>
      )}
    </SettingsForm>
  );
}

function AllQueues(props: {
  triggers: Triggers;
  errorOf: (field: string) => string | undefined;
  change(triggers: Triggers): void;
}) {
  const { triggers, errorOf } = props;
  const set = (part: Partial<Triggers>) => props.change({ ...triggers, ...part });
  return (
    <div class="form-grid">
      <CheckField label="By the schedule" isOn={triggers.schedule} onChange={(schedule) => set({ schedule })} />
      <CheckField
        label="When a batch is full"
        hint="By the limits of the provider"
        isOn={triggers.full}
        onChange={(full) => set({ full })}
      />
      <NumberField
        label="When this many jobs wait"
        hint="Empty: never"
        value={triggers.count === null ? undefined : triggers.count}
        min={1}
        error={errorOf('triggers.count')}
        onInput={(count) => set({ count: count ?? null })}
      />
      <NumberField
        label="When the oldest has waited (minutes)"
        hint="Empty: never"
        value={triggers.age_minutes === null ? undefined : triggers.age_minutes}
        min={0}
        step="any"
        error={errorOf('triggers.age_minutes')}
        onInput={(age) => set({ age_minutes: age ?? null })}
      />
    </div>
  );
}

function OneQueue(props: {
  queue: Draft['queues'][number];
  error: string | undefined;
  change(queue: Draft['queues'][number]): void;
  remove(): void;
}) {
  const { queue } = props;
  const set = (part: Partial<Own>, without?: keyof Own) => {
    const own = { ...queue.own, ...part };
    if (without) delete own[without];
    props.change({ ...queue, own });
  };
  return (
    <fieldset class="form-row form-row-many">
      <legend class="visually-hidden">Triggers of {queue.name || 'a queue'}</legend>
      <TextField
        label="Queue"
        hint="type:provider, type, or *:provider"
        placeholder="creative_scoring:openai"
        value={queue.name}
        isRequired
        error={props.error}
        onInput={(name) => props.change({ ...queue, name })}
      />
      <Switch
        label="Schedule"
        value={queue.own.schedule}
        change={(on) => (on === undefined ? set({}, 'schedule') : set({ schedule: on }))}
      />
      <Switch
        label="Full batch"
        value={queue.own.full}
        change={(on) => (on === undefined ? set({}, 'full') : set({ full: on }))}
      />
      <Amount
        label="Jobs"
        value={queue.own.count}
        start={10}
        change={(count) => (count === undefined ? set({}, 'count') : set({ count }))}
      />
      <Amount
        label="Minutes"
        value={queue.own.age_minutes}
        start={60}
        change={(age) => (age === undefined ? set({}, 'age_minutes') : set({ age_minutes: age }))}
      />
      <button type="button" class="button button-small" onClick={props.remove}>
        Remove<span class="visually-hidden"> {queue.name}</span>
      </button>
    </fieldset>
  );
}

function Switch(props: { label: string; value: boolean | undefined; change(value: boolean | undefined): void }) {
  return (
    <SelectField
      label={props.label}
      value={props.value === undefined ? '' : props.value ? 'on' : 'off'}
      options={[
        ['', 'as for all'],
        ['on', 'on'],
        ['off', 'off'],
      ]}
      onChange={(value) => props.change(value === '' ? undefined : value === 'on')}
    />
  );
}

/** Undefined: as for all; null: never. */
function Amount(props: {
  label: string;
  value: number | null | undefined;
  start: number;
  change(value: number | null | undefined): void;
}) {
  const { value } = props;
  const kind = value === undefined ? '' : value === null ? 'off' : 'at';
  return (
    <div class="amount">
      <SelectField
        label={props.label}
        value={kind}
        options={[
          ['', 'as for all'],
          ['off', 'never'],
          ['at', 'at …'],
        ]}
        onChange={(next) => props.change(next === '' ? undefined : next === 'off' ? null : props.start)}
      />
      {typeof value === 'number' && (
        <input
          type="number"
          aria-label={`${props.label}: how many`}
          value={shown(value)}
          min={0}
          step="any"
          required
          onInput={({ currentTarget }) =>
            props.change(typed(currentTarget.value === '' ? undefined : currentTarget.valueAsNumber))
          }
        />
      )}
    </div>
  );
}
