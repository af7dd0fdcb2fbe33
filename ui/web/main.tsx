import { createRoot } from 'react-dom/client';
import './theme/tokens.css';
import './theme/base.css';
import './theme/parts.css';
import './theme/shell.css';
import { askAhead } from './api/ahead.ts';
import { begin, session } from './api/session.ts';
import { App } from './app/app.tsx';
import { graphPath, place, routeOf } from './app/router.ts';
import { applySettings } from './app/settings.ts';
import { fetchView } from './app/views.tsx';

applySettings();
const route = routeOf(place.get().path);
fetchView(route);
void begin().then(() => {
  if (route.view === 'graph' && session.get().phase === 'signed-in') askAhead(graphPath(route.run));
});
createRoot(document.getElementById('root')!).render(<App />);
