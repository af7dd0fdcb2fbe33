import { createRoot } from 'react-dom/client';
import './theme/tokens.css';
import './theme/base.css';
import './theme/parts.css';
import './theme/shell.css';
import { begin } from './api/session.ts';
import { App } from './app/app.tsx';
import { applySettings } from './app/settings.ts';

applySettings();
void begin();
createRoot(document.getElementById('root')!).render(<App />);
