import { useState } from 'preact/hooks';
import { withQuery } from '../../api.ts';
import { Loaded } from '../../components/notes.tsx';
import { Section } from '../../components/page.tsx';
import { TextBlock } from '../../components/text-block.tsx';
import { useResource } from '../../resource.ts';

/** The report as it is sent to the channels. */
export function ReportSection({ days }: { days: number }) {
  const [isWanted, setIsWanted] = useState(false);
  return (
    <Section title="Report" note={`of ${days} days, as Markdown`}>
      {isWanted ? (
        <Report days={days} />
      ) : (
        <button type="button" class="button" onClick={() => setIsWanted(true)}>
          Create report
        </button>
      )}
    </Section>
  );
}

function Report({ days }: { days: number }) {
  const report = useResource<{ content: string }>(withQuery('/batch/report', { days, format: 'markdown' }), {
    isStill: true,
  });
  return <Loaded resource={report}>{({ content }) => <TextBlock text={content} label="Report" />}</Loaded>;
}
