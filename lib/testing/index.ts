export { type FakeAnswer, FakeHost, type FakeHostOptions } from './fake_host.ts';
