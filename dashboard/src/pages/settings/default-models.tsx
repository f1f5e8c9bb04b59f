import { SelectField, TextField } from '../../components/field.tsx';
import { Empty } from '../../components/notes.tsx';
import { useProviderNames } from '../../components/provider-names.ts';
import { jobTypeName, jobTypes } from '../../words.ts';
import { type SectionProps, SettingsForm } from './settings-form.tsx';

interface Row {
  jobType: string;
  provider: string;
  model: string;
}

export function DefaultModels({ settings, saved }: SectionProps) {
  const names = useProviderNames();
  const value: Row[] = Object.entries(settings.default_models).map(([key, model]) => {
    const colon = key.indexOf(':');
    return { jobType: key.slice(0, colon), provider: key.slice(colon + 1), model };
  });
  return (
    <SettingsForm
      title="Default models"
      note="for jobs that name no model"
      value={value}
      toChange={(rows) => ({
        default_models: Object.fromEntries(
          rows.map(({ jobType, provider, model }) => [`${jobType}:${provider}`, model.trim()]),
        ),
      })}
      saved={saved}
    >
      {(rows, change, errorOf) => (
        <>
          {rows.length === 0 && <Empty title="None: the built-in ones are used." />}
          {rows.map((row, index) => {
            const set = (part: Partial<Row>) => change(rows.with(index, { ...row, ...part }));
            const providers = names.includes(row.provider) ? names : [row.provider, ...names];
            return (
              // Nothing in a row stays the same while it is edited.
              <fieldset class="form-row" key={index}>
                <legend class="visually-hidden">Default model {index + 1}</legend>
                <SelectField
                  label="Job type"
                  value={row.jobType}
                  options={jobTypes.map((type) => [type, jobTypeName(type)] as const)}
                  onChange={(jobType) => set({ jobType })}
                />
                <SelectField
                  label="Provider"
                  value={row.provider}
                  options={providers.map((name) => [name, name] as const)}
                  onChange={(provider) => set({ provider })}
                />
                <TextField
                  label="Model"
                  value={row.model}
                  isRequired
                  error={errorOf(`default_models.${row.jobType}:${row.provider}`)}
                  onInput={(model) => set({ model })}
                />
                <button type="button" class="button button-small" onClick={() => change(rows.toSpliced(index, 1))}>
                  Remove<span class="visually-hidden"> default model {index + 1}</span>
                </button>
              </fieldset>
            );
          })}
          <button
            type="button"
            class="button button-small"
            onClick={() => change([...rows, { jobType: jobTypes[0] ?? '', provider: names[0] ?? '', model: '' }])}
          >
            Add a default model
          </button>
        </>
      )}
    </SettingsForm>
  );
}
