import { testStore } from '../../testing/test-store.ts';
import { makeSqliteStore } from './sqlite-store-fixtures.ts';

testStore('sqlite', makeSqliteStore, { shared: true, durable: true });
