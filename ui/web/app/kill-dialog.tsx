import { useText } from '../i18n/text.ts';
import { Dialog, Empty } from '../parts/parts.tsx';
import { KillSwitch } from './kill-switch.tsx';
import { useRun } from './runs.ts';

export function KillDialog({ onClose }: { onClose: () => void }) {
  const t = useText();
  const run = useRun();
  return (
    <Dialog title={t('kill')} onClose={onClose} className="kill-dialog">
      {run ? <KillSwitch run={run.id} /> : <Empty>{t('run.none')}</Empty>}
    </Dialog>
  );
}
