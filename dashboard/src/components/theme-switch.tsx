import { useStore } from '../store.ts';
import { chooseTheme, theme, themes } from '../theme.ts';
import { Icon } from './icon.tsx';

const names = { system: 'Like the system', light: 'Light', dark: 'Dark' } as const;

export function ThemeSwitch() {
  const current = useStore(theme);
  return (
    <fieldset class="theme-switch">
      <legend class="visually-hidden">Colours</legend>
      {themes.map((each) => (
        <label key={each} title={names[each]}>
          <input type="radio" name="theme" checked={each === current} onChange={() => chooseTheme(each)} />
          <Icon name={each} />
          <span class="visually-hidden">{names[each]}</span>
        </label>
      ))}
    </fieldset>
  );
}
