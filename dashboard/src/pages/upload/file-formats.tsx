import { Section } from '../../components/page.tsx';
import { Command } from '../../components/text-block.tsx';

const jsonl = `{"job_type": "hook_generation", "provider": "anthropic", "priority": 8, "data": {"product": "running shoes"}}
{"creative_id": "ad-2", "script": "A line that is only data"}`;

const csv = `priority,model,system,prompt
7,gpt-5-mini,You are brief.,"Name three uses of a brick"
5,gpt-5-mini,,Why is the sky blue?`;

export function FileFormats() {
  return (
    <Section title="Formats">
      <h3>JSONL</h3>
      <p>One job per line: the body of a job, or only its data.</p>
      <Command text={jsonl} />
      <h3>CSV</h3>
      <p>
        The first line names the columns. <code>job_type</code>, <code>provider</code>, <code>priority</code> and{' '}
        <code>callback_url</code> describe the job, <code>prompt</code> and <code>system</code> become messages, and
        every other column is its data.
      </p>
      <Command text={csv} />
    </Section>
  );
}
