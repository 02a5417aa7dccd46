import { articlesSuite } from './articles.suite.ts';
import { inAFile } from './temporary-folder.fixture.ts';

articlesSuite('sqlite', inAFile);
