import { pathOf, post } from '../../api.ts';
import { ConfirmButton } from '../../components/action.tsx';

export function RedeliverButton(props: { id: number; isSmall?: boolean; refresh: () => void }) {
  return (
    <ConfirmButton
      label="Redeliver"
      labelInFull={`Redeliver ${props.id}`}
      isSmall={props.isSmall ?? false}
      title={`Send delivery ${props.id} again?`}
      confirm="Send again"
      act={async () => {
        const { message } = await post<{ message: string }>(pathOf`/batch/deliveries/${props.id}/redeliver`);
        props.refresh();
        return message;
      }}
    >
      <p>The receiver gets the same message with the same id once more, and is tried again for three days.</p>
    </ConfirmButton>
  );
}
