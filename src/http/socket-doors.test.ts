import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createSocketDoors } from './socket-doors.ts';

const tokenOf = (con: string) => `e30.${Buffer.from(JSON.stringify({ con })).toString('base64url')}.x`;

describe('doors on paths', () => {
  it('are found by their whole path', () => {
    const doors = createSocketDoors<string>();
    doors.add('/ws', 'helpdesk');
    doors.add('/ws/chat', 'gateway');
    assert.deepEqual(doors.find('/ws', undefined), { door: 'helpdesk', params: {} });
    assert.equal(doors.find('/ws/chat', undefined)?.door, 'gateway');
    for (const path of ['/', '', '/ws/', '/ws/chat/', '/ws/chat/1', '/WS', '/constructor', '__proto__']) {
      assert.equal(doors.find(path, undefined), undefined, path);
    }
  });

  it('that end in a parameter get one decoded segment, and never an empty one', () => {
    const doors = createSocketDoors<string>();
    doors.add('/ws/chat', 'gateway');
    doors.add('/ws/chat/:session_id', 'assistant');
    const paramsOf = (path: string) => doors.find(path, undefined)?.params;
    assert.deepEqual(paramsOf('/ws/chat/42'), { session_id: '42' });
    assert.deepEqual(paramsOf('/ws/chat/sess_a%20b%2Fc'), { session_id: 'sess_a b/c' });
    assert.deepEqual(paramsOf('/ws/chat/:session_id'), { session_id: ':session_id' });
    assert.deepEqual(paramsOf('/ws/chat'), {});
    for (const path of ['/ws/chat/', '/ws/chat/4/2', '/ws/chat/%E4%', '/ws/42', '/ws/chat/4/']) {
      assert.equal(doors.find(path, undefined), undefined, path);
    }
  });
});

describe('doors on one path', () => {
  for (const path of ['/ws/chat', '/ws/chat/:id']) {
    it(`are chosen by the issuer of the token: ${path}`, () => {
      const doors = createSocketDoors<string>();
      doors.add(path, 'companion', { issuedBy: 'companion' });
      doors.add(path, 'gateway');
      assert.equal(doors.find(path, tokenOf('companion'))?.door, 'companion');
      for (const bearer of [
        undefined,
        '',
        'pk_1',
        tokenOf('assistant'),
        tokenOf(''),
        tokenOf('constructor'),
      ]) {
        assert.equal(doors.find(path, bearer)?.door, 'gateway', bearer ?? 'none');
      }
    });
  }

  it('need one another for nothing', () => {
    const doors = createSocketDoors<string>();
    doors.add('/ws/chat', 'companion', { issuedBy: 'companion' });
    assert.equal(doors.find('/ws/chat', tokenOf('companion'))?.door, 'companion');
    assert.equal(doors.find('/ws/chat', tokenOf('assistant')), undefined);
    assert.equal(doors.find('/ws/chat', undefined), undefined);
  });

  it('must differ', () => {
    const doors = createSocketDoors<string>();
    doors.add('/ws/chat', 'gateway');
    doors.add('/ws/chat', 'companion', { issuedBy: 'companion' });
    assert.throws(() => doors.add('/ws/chat', 'another'), /already/);
    assert.throws(() => doors.add('/ws/chat', 'another', { issuedBy: 'companion' }), /already/);
    doors.add('/ws/:id', 'one');
    assert.throws(() => doors.add('/ws/:session', 'another', { issuedBy: 'companion' }), /differently/);
    for (const path of ['/ws/', '/ws/:id/chat', '/:'])
      assert.throws(() => doors.add(path, 'x'), /parameter/, path);
  });
});
