import { onMinio } from '../../lake/s3/testing/minio-suite.ts';
import { artifactContract } from './artifact-store.contract.ts';

onMinio('the store of artifacts', (suite) => {
  artifactContract('artifacts in a bucket of MinIO', () => suite.storage());
});
