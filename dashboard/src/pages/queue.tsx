import { useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../src/service/contract/words.ts';
import { callJson, problemOf, randomKey } from '../api.ts';
import { AreaField, NumberField, SelectField, TextField } from '../components/field.tsx';
import { ProblemNote } from '../components/notes.tsx';
import { Section } from '../components/page.tsx';
import { useProviderNames } from '../components/provider-names.ts';
import { Command } from '../components/text-block.tsx';
import { linkTo } from '../router.ts';
import { jobTypeName, jobTypes } from '../words.ts';
import { type Draft, emptyDraft, previewOf, requestOf } from './queue/draft.ts';
import { QueueFrame } from './queue/queue-frame.tsx';

interface Queued {
  job_id: string;
  message: string;
}

/** One job by hand. */
export function QueuePage() {
  const providers = useProviderNames();
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const [queued, setQueued] = useState<Queued>();
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setIsBusy] = useState(false);
  // The same form sent twice (a double click, a lost answer) is one job.
  const key = useRef(randomKey());

  const change = (change: Partial<Draft>) => {
    key.current = randomKey();
    setQueued(undefined);
    setDraft({ ...draft, ...change });
  };
  const full = { ...draft, provider: draft.provider || (providers[0] ?? '') };
  const request = requestOf(full);
  const errorOf = (field: string) => problem?.errors?.find((error) => error.field === field)?.message;

  const submit = async () => {
    if ('error' in request || isBusy) return;
    setIsBusy(true);
    setProblem(undefined);
    try {
      const options = { method: 'POST', body: request.body, idempotencyKey: key.current } as const;
      setQueued(await callJson<Queued>('/batch/queue', options));
      key.current = randomKey();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setIsBusy(false);
    }
  };

  return (
    <QueueFrame current="/queue">
      <div class="columns">
        <div class="column-wide">
          <Section title="The job">
            <form
              class="form-grid"
              onSubmit={(event) => {
                event.preventDefault();
                void submit();
              }}
            >
              <SelectField
                label="Job type"
                value={draft.jobType}
                options={jobTypes.map((type) => [type, jobTypeName(type)] as const)}
                error={errorOf('job_type')}
                onChange={(jobType) => change({ jobType })}
              />
              <SelectField
                label="Provider"
                value={full.provider}
                options={providers.map((name) => [name, name] as const)}
                error={errorOf('provider')}
                onChange={(provider) => change({ provider })}
              />
              <NumberField
                label="Priority"
                hint="1 to 10, 10 goes first"
                value={draft.priority}
                min={1}
                max={10}
                isRequired
                error={errorOf('priority')}
                onInput={(priority) => change({ priority })}
              />
              <TextField
                label="Model"
                hint="Empty: the default for the job type"
                value={draft.model}
                error={errorOf('data.model')}
                onInput={(model) => change({ model })}
              />
              <Content draft={draft} change={change} />
              <TextField
                label="Callback address"
                type="url"
                isWide
                hint="Optional. Called when the job has ended."
                value={draft.callbackUrl}
                error={errorOf('callback_url')}
                onInput={(callbackUrl) => change({ callbackUrl })}
              />
              <div class="form-end">
                {problem && <ProblemNote problem={problem} />}
                {'error' in request && draft.content === 'json' && draft.json !== '' && (
                  <p class="field-error">{request.error}</p>
                )}
                <button type="submit" class="button button-primary" disabled={isBusy || 'error' in request}>
                  {isBusy ? 'One moment …' : 'Queue job'}
                </button>
                <div role="status">
                  {queued && (
                    <p class="note note-good">
                      <span class="plain-text">{queued.message}</span>{' '}
                      <a class="id" href={linkTo('jobs', queued.job_id)}>
                        {queued.job_id}
                      </a>
                    </p>
                  )}
                </div>
              </div>
            </form>
          </Section>
        </div>
        <div class="column-narrow">
          <Section title="The same with curl">
            <Command text={curlOf(previewOf(full))} />
          </Section>
        </div>
      </div>
    </QueueFrame>
  );
}

function Content({ draft, change }: { draft: Draft; change(change: Partial<Draft>): void }) {
  const isEmbedding = draft.jobType === 'embedding_generation';
  return (
    <>
      <fieldset class="choice">
        <legend>Content</legend>
        {(
          [
            ['prompt', isEmbedding ? 'Texts' : 'Prompt'],
            ['json', 'Data as JSON'],
          ] as const
        ).map(([content, name]) => (
          <label key={content}>
            <input
              type="radio"
              name="content"
              checked={draft.content === content}
              onChange={() => change({ content })}
            />
            {name}
          </label>
        ))}
      </fieldset>
      {draft.content === 'json' ? (
        <AreaField
          label="Data"
          rows={10}
          value={draft.json}
          placeholder={'{"creative_id": "ad-1", "script": "Three exercises for a strong back"}'}
          hint="A JSON object. Without messages, its keys are put to the model under the instruction of the job type."
          onInput={(json) => change({ json })}
        />
      ) : isEmbedding ? (
        <AreaField
          label="Texts"
          rows={6}
          hint="One per line"
          value={draft.prompt}
          isRequired
          onInput={(prompt) => change({ prompt })}
        />
      ) : (
        <>
          <AreaField label="System prompt" rows={2} value={draft.system} onInput={(system) => change({ system })} />
          <AreaField label="Prompt" rows={6} value={draft.prompt} isRequired onInput={(prompt) => change({ prompt })} />
          <NumberField
            label="Temperature"
            value={draft.temperature}
            min={0}
            max={2}
            step="any"
            placeholder="0.3"
            onInput={(temperature) => change({ temperature })}
          />
          <NumberField
            label="Maximum tokens"
            value={draft.maxTokens}
            min={1}
            placeholder="1024"
            onInput={(maxTokens) => change({ maxTokens })}
          />
        </>
      )}
    </>
  );
}

/** For a POSIX shell: a quote inside single quotes ends them, stands alone, and begins them again. */
function curlOf(body: unknown): string {
  const json = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return `curl -X POST ${location.origin}/batch/queue \\
  -H 'Content-Type: application/json' \\
  -H "Authorization: Bearer $OFFPEAK_TOKEN" \\
  -d '${json}'`;
}
