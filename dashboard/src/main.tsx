import { render } from 'preact';
import { App, isPage } from './app.tsx';
import { startRouter } from './router.ts';

startRouter(isPage);
const root = document.getElementById('app');
if (root) render(<App />, root);
