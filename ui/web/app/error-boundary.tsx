import { Component, type ReactNode } from 'react';
import { useText } from '../i18n/text.ts';

/** A view that throws takes neither the others nor the kill switch with it. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | undefined }> {
  override state: { error: Error | undefined } = { error: undefined };
  static getDerivedStateFromError(error: Error): { error: Error } {
    return { error };
  }
  override render(): ReactNode {
    if (!this.state.error) return this.props.children;
    return <Failed error={this.state.error} again={() => this.setState({ error: undefined })} />;
  }
}

function Failed({ error, again }: { error: Error; again: () => void }) {
  const t = useText();
  return (
    <div className="page narrow">
      <div className="note bad" role="alert">
        <div>
          <h2>{t('error.view')}</h2>
          <p>{error.message}</p>
          <p className="dim">{t('error.view_help')}</p>
          <button type="button" className="small" onClick={again}>
            {t('retry')}
          </button>
        </div>
      </div>
    </div>
  );
}
