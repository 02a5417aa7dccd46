import { userChangesSuite } from './user-changes.suite.ts';
import { inAFile } from './temporary-folder.fixture.ts';

userChangesSuite('sqlite', inAFile);
