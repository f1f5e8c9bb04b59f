import { useEffect, useRef, useState } from 'preact/hooks';
import type { Problem } from '../../../src/service/contract/words.ts';
import { problemOf } from '../api.ts';
import { Field, NumberField, SelectField } from '../components/field.tsx';
import { ProblemNote } from '../components/notes.tsx';
import { Section } from '../components/page.tsx';
import { useProviderNames } from '../components/provider-names.ts';
import { asText, TextBlock } from '../components/text-block.tsx';
import { formatBytes, formatCount, plural } from '../format.ts';
import { formatOf } from '../upload/read-jobs.ts';
import type { Defaults, JobBody } from '../upload/row-to-job.ts';
import { checkFile, sendFile, type UploadState } from '../upload/send-file.ts';
import { jobTypeName, jobTypes } from '../words.ts';
import { QueueFrame } from './queue/queue-frame.tsx';
import { FileFormats } from './upload/file-formats.tsx';
import { LineErrors } from './upload/line-errors.tsx';

type Step =
  | { type: 'choose' }
  | { type: 'checking'; state: UploadState }
  | { type: 'checked'; state: UploadState; sample: JobBody[] }
  | { type: 'sending'; state: UploadState; total: number }
  | { type: 'done'; state: UploadState; isStopped: boolean };

/** A file of jobs: looked at first, then sent in chunks. */
export function UploadPage() {
  const providers = useProviderNames();
  const [jobType, setJobType] = useState(jobTypes[0] ?? '');
  const [provider, setProvider] = useState('');
  const [priority, setPriority] = useState<number | undefined>(5);
  const [file, setFile] = useState<File>();
  const upload = useUpload();
  const defaults: Defaults = { jobType, provider: provider || (providers[0] ?? ''), priority: priority ?? 5 };
  const isBusy = upload.step.type === 'sending' || upload.step.type === 'checking';
  const key = JSON.stringify(defaults);

  // Another file or other defaults are looked at anew.
  useEffect(() => {
    if (file && !isBusy) void upload.check(file, defaults);
  }, [file, key]);

  return (
    <QueueFrame current="/upload">
      <div class="columns">
        <div class="column-wide">
          <Section title="The file">
            <form class="form-grid" onSubmit={(event) => event.preventDefault()}>
              <Field label="JSONL or CSV file" isWide hint="It is checked here in the browser before anything is sent.">
                {(attributes) => (
                  <input
                    {...attributes}
                    type="file"
                    accept=".jsonl,.ndjson,.json,.csv,.tsv,.txt,application/jsonl,text/csv"
                    disabled={isBusy}
                    onChange={(event) => setFile(event.currentTarget.files?.[0])}
                  />
                )}
              </Field>
              <SelectField
                label="Default job type"
                value={jobType}
                options={jobTypes.map((type) => [type, jobTypeName(type)] as const)}
                onChange={setJobType}
              />
              <SelectField
                label="Default provider"
                value={defaults.provider}
                options={providers.map((name) => [name, name] as const)}
                onChange={setProvider}
              />
              <NumberField label="Default priority" value={priority} min={1} max={10} onInput={setPriority} />
            </form>
          </Section>
          {file && <Outcome file={file} upload={upload} defaults={defaults} />}
        </div>
        <div class="column-narrow">
          <FileFormats />
        </div>
      </div>
    </QueueFrame>
  );
}

interface Upload {
  step: Step;
  problem: Problem | undefined;
  check(file: File, defaults: Defaults): Promise<void>;
  send(file: File, defaults: Defaults, total: number): Promise<void>;
  stop(): void;
}

const none: UploadState = { bytes: 0, queued: 0, refused: 0, errors: [] };

function useUpload(): Upload {
  const [step, setStep] = useState<Step>({ type: 'choose' });
  const [problem, setProblem] = useState<Problem>();
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);

  const begin = (): AbortSignal => {
    abort.current?.abort();
    abort.current = new AbortController();
    setProblem(undefined);
    return abort.current.signal;
  };
  return {
    step,
    problem,
    stop: () => abort.current?.abort(),
    async check(file, defaults) {
      const signal = begin();
      setStep({ type: 'checking', state: none });
      const onProgress = (state: UploadState) => !signal.aborted && setStep({ type: 'checking', state });
      try {
        const { sample, ...state } = await checkFile(file, formatOf(file.name), defaults, { signal, onProgress });
        if (!signal.aborted) setStep({ type: 'checked', state, sample });
      } catch (error) {
        setStep({ type: 'choose' });
        setProblem(problemOf(error));
      }
    },
    async send(file, defaults, total) {
      const signal = begin();
      let latest = none;
      const onProgress = (state: UploadState) => {
        latest = state;
        setStep({ type: 'sending', state, total });
      };
      onProgress(none);
      try {
        latest = await sendFile(file, formatOf(file.name), defaults, { signal, onProgress });
      } catch (error) {
        if (!signal.aborted) setProblem(problemOf(error));
      }
      setStep({ type: 'done', state: latest, isStopped: latest.queued + latest.refused < total });
    },
  };
}

function Outcome({ file, upload, defaults }: { file: File; upload: Upload; defaults: Defaults }) {
  const { step, problem } = upload;
  if (step.type === 'choose') return problem ? <ProblemNote problem={problem} /> : null;
  const { state } = step;
  const lines = state.queued + state.refused;
  return (
    <Section title={titles[step.type]} note={`${file.name}, ${formatBytes(file.size)}`}>
      {problem && <ProblemNote problem={problem} />}
      {(step.type === 'checking' || step.type === 'sending') && (
        <>
          <progress
            aria-label={titles[step.type]}
            max={step.type === 'sending' ? Math.max(step.total, 1) : Math.max(file.size, 1)}
            value={step.type === 'sending' ? lines : state.bytes}
          />
          <p class="number">
            {step.type === 'sending'
              ? `${formatCount(state.queued)} of ${plural(step.total, 'line')} queued`
              : `${plural(lines, 'line')} read`}
          </p>
          <button type="button" class="button" onClick={upload.stop}>
            Stop
          </button>
        </>
      )}
      {step.type === 'checked' && (
        <>
          <p role="status">
            <strong class="number">{plural(state.queued, 'job')}</strong> can be queued
            {state.refused > 0 && (
              <>
                ; <strong class="number is-bad">{plural(state.refused, 'line')}</strong> cannot, and will be left out
              </>
            )}
            .
          </p>
          {state.queued > 0 && (
            <button type="button" class="button button-primary" onClick={() => void upload.send(file, defaults, lines)}>
              Queue {plural(state.queued, 'job')}
            </button>
          )}
          {step.sample[0] && (
            <details>
              <summary>The first job, as it will be sent</summary>
              <TextBlock text={asText(step.sample[0])} label="The first job" />
            </details>
          )}
        </>
      )}
      {step.type === 'done' && (
        <div class={problem || step.isStopped ? 'note note-warning' : 'note note-good'} role="status">
          <p>
            <strong class="number">{plural(state.queued, 'job')}</strong> queued
            {state.refused > 0 && `, ${plural(state.refused, 'line')} refused`}.
            {step.isStopped && ' It was stopped before the end: what was queued stays queued.'}
          </p>
          <p>
            <a href="/">See them wait</a>
          </p>
        </div>
      )}
      <LineErrors errors={state.errors} total={state.refused} />
    </Section>
  );
}

const titles = {
  checking: 'Reading the file',
  checked: 'What is in it',
  sending: 'Queueing',
  done: 'Done',
} as const;
