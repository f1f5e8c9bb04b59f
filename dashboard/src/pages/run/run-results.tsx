import { useEffect, useRef, useState } from 'preact/hooks';
import type { Result } from '../../../../src/service/contract/batches.ts';
import type { Problem } from '../../../../src/service/contract/words.ts';
import { call, pathOf, problemOf } from '../../api.ts';
import { JobLink } from '../../components/batch-parts.tsx';
import { DownloadButton } from '../../components/download-button.tsx';
import { Money, StateTag } from '../../components/figures.tsx';
import { Icon } from '../../components/icon.tsx';
import { Empty, Loading, ProblemNote } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { type Column, Table } from '../../components/table.tsx';
import { asText } from '../../components/text-block.tsx';
import { onServerEvent } from '../../events.ts';

const pageSize = 10;
const afterEventMs = 800;

const columns: readonly Column<Result>[] = [
  {
    head: 'Job',
    kind: 'main',
    cell: (result) => (
      <span class="work">
        <JobLink id={result.job_id} />
        {result.key !== result.job_id && <span class="faint name">{result.key}</span>}
      </span>
    ),
  },
  { head: 'State', kind: 'state', cell: (result) => <StateTag state={result.status} /> },
  { head: 'Answer', kind: 'text', cell: (result) => <Answer result={result} /> },
  { head: 'Cost', kind: 'number', cell: (result) => <Money usd={result.cost_usd} /> },
];

const shownCharacters = 240;

function Answer({ result }: { result: Result }) {
  const text = result.error
    ? `${result.error.code}: ${result.error.message}`
    : (result.output ?? (result.response ? asText(result.response) : ''));
  const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters)} …` : text;
  return <span class={result.error ? 'answer plain-text is-bad' : 'answer plain-text'}>{cut}</span>;
}

/** In the order in which they come: a page that is not full yet fills by itself. */
export function RunResults({ runId }: { runId: string }) {
  const { rows, page, problem, isReading, next, first, retry } = useResults(runId);
  return (
    <Section
      title="Results"
      note="in the order in which they come"
      actions={<DownloadButton path={pathOf`/batch/runs/${runId}/results`} fileName={`${runId}.jsonl`} />}
    >
      {problem && <ProblemNote problem={problem} onRetry={retry} />}
      {rows === undefined ? (
        !problem && <Loading />
      ) : rows.length === 0 ? (
        <Empty title={page === 1 ? 'No result yet.' : 'No more results yet.'} />
      ) : (
        <Table caption="Results" columns={columns} rows={rows} rowKey={(row) => row.cursor} isStale={isReading} />
      )}
      {(first || next) && (
        <nav class="pager" aria-label="Pages of results">
          <button type="button" class="button button-small" disabled={!first} onClick={first}>
            <Icon name="back" /> First
          </button>
          <span class="faint" aria-live="polite">
            Page {page}
          </span>
          <button type="button" class="button button-small" disabled={!next} onClick={next}>
            Next <Icon name="next" />
          </button>
        </nav>
      )}
    </Section>
  );
}

interface Results {
  rows: readonly Result[] | undefined;
  page: number;
  problem: Problem | undefined;
  isReading: boolean;
  next: (() => void) | undefined;
  first: (() => void) | undefined;
  retry(): void;
}

/** A page after a cursor; as long as it is not full, events of the run have its rest read. */
function useResults(runId: string): Results {
  const [place, setPlace] = useState({ after: 0, page: 1 });
  const [rows, setRows] = useState<readonly Result[]>();
  const [problem, setProblem] = useState<Problem>();
  const [isReading, setIsReading] = useState(true);
  const [round, setRound] = useState(0);
  const held = useRef<readonly Result[]>([]);

  // `round` asks to begin anew.
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isBusy = false;
    held.current = [];
    const read = async () => {
      timer = undefined;
      const missing = pageSize - held.current.length;
      if (missing <= 0 || isBusy) return;
      isBusy = true;
      const after = held.current.at(-1)?.cursor ?? place.after;
      try {
        const query = { after, limit: missing };
        const answer = await call(pathOf`/batch/runs/${runId}/results`, { query, signal: abort.signal });
        const more = parseLines(await answer.text());
        held.current = [...held.current, ...more];
        setRows(held.current);
        setProblem(undefined);
      } catch (error) {
        if (!abort.signal.aborted) setProblem(problemOf(error));
      }
      isBusy = false;
      if (!abort.signal.aborted) setIsReading(false);
    };
    setIsReading(true);
    void read();
    const end = onServerEvent((event) => {
      if (event === 'resumed' || event.run_id === runId) timer ??= setTimeout(read, afterEventMs);
    });
    return () => {
      abort.abort();
      clearTimeout(timer);
      end();
    };
  }, [runId, place, round]);

  const last = rows?.at(-1);
  const isFull = !isReading && rows?.length === pageSize && last !== undefined;
  return {
    rows,
    page: place.page,
    problem,
    isReading,
    next: isFull ? () => setPlace({ after: last.cursor, page: place.page + 1 }) : undefined,
    first: place.page > 1 ? () => setPlace({ after: 0, page: 1 }) : undefined,
    retry: () => setRound(round + 1),
  };
}

const parseLines = (text: string): Result[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Result);
