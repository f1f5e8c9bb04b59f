import { call } from '../api.ts';
import { useAction } from './action.tsx';
import { Icon } from './icon.tsx';
import { ProblemNote } from './notes.tsx';

/** A link cannot send the token, so the answer is read here; the browser keeps large ones on disk. */
export function DownloadButton({ path, fileName }: { path: string; fileName: string }) {
  const action = useAction(async () => {
    const answer = await call(path);
    const address = URL.createObjectURL(await answer.blob());
    const link = document.createElement('a');
    link.href = address;
    // Whatever is in an id: no name of a file that leads elsewhere.
    link.download = fileName.replaceAll(/[^\w.-]+/g, '_').slice(-100);
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 60_000);
    return undefined;
  });
  return (
    <>
      <button type="button" class="button button-small" disabled={action.isBusy} onClick={() => void action.run()}>
        <span class="turned">
          <Icon name="upload" />
        </span>
        {action.isBusy ? 'Downloading …' : 'JSONL'}
        <span class="visually-hidden"> download</span>
      </button>
      {action.problem && <ProblemNote problem={action.problem} />}
    </>
  );
}
