import { testServiceStore } from '../../testing/test-service-store.ts';
import { makeSqliteStore } from './sqlite-store-fixtures.ts';

testServiceStore('sqlite', makeSqliteStore);
