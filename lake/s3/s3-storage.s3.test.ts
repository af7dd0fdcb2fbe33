import { storageContract } from '../storage.contract.ts';
import { S3Storage } from './s3-storage.ts';
import { onMinio } from './testing/minio-suite.ts';

onMinio('S3 storage', (suite) => {
  storageContract('a bucket of MinIO as a store of objects', {
    open: async () => {
      const address = `s3://${suite.bucket()}/some/prefix`;
      const one = new S3Storage(address, suite.options());
      await one.ensureBucket({ create: true });
      await one.delete('_probe/put-if-absent');
      return { one, two: new S3Storage(address, suite.options()) };
    },
    many: 1100,
    large: 11 << 20,
  });
  storageContract('a whole bucket of MinIO as a store of objects', {
    open: async () => {
      const address = `s3://${suite.bucket()}`;
      const one = new S3Storage(address, suite.options());
      await one.ensureBucket({ create: true });
      await one.delete('_probe/put-if-absent');
      return { one, two: new S3Storage(address, suite.options()) };
    },
    many: 1100,
    large: 11 << 20,
  });
});
