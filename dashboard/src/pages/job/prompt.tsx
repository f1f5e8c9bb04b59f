import type { JobDetails } from '../../../../src/service/contract/jobs.ts';
import { Section } from '../../components/page.tsx';
import { asText, TextBlock } from '../../components/text-block.tsx';
import { readPrompt } from './read-prompt.ts';

/** What the model was asked, part by part. */
export function Prompt({ job }: { job: JobDetails }) {
  const parts = readPrompt(job.request);
  return (
    <Section title="Prompt">
      {parts.length === 0 ? (
        <TextBlock text={asText(job.request ?? job.data ?? null)} label="Request" />
      ) : (
        parts.map((part, index) => (
          // The parts of a request never change places.
          <div key={index} class="prompt-part">
            <h3>{part.role}</h3>
            <TextBlock text={part.text} label={`Prompt: ${part.role}`} />
          </div>
        ))
      )}
    </Section>
  );
}
