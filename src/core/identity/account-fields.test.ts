import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { accountFieldsOf } from './account-fields.ts';

const ada = { username: 'ada', email: 'ada@example.com', password: 'correct horse' };

const none = { nickname: null, phone: null };

describe('the fields of an account', () => {
  it('lose the blanks around them, the password not', () => {
    assert.deepEqual(
      accountFieldsOf({
        username: ' ada ',
        email: ' ada@example.com\n',
        password: '  8 or so  ',
        fullName: ' Ada ',
      }),
      { ...none, username: 'ada', email: 'ada@example.com', password: '  8 or so  ', fullName: 'Ada' },
    );
    const given = accountFieldsOf({ ...ada, nickname: ' 小 明 ', phone: ' 010 1234 ' });
    assert.deepEqual([given.nickname, given.phone], ['小 明', '010 1234']);
  });

  it('need not all be there, and blank is the same as not there', () => {
    const blank = { fullName: ' ', nickname: ' ', phone: ' ' };
    const unsaid = { fullName: undefined, nickname: null, phone: null };
    for (const changes of [{}, blank, unsaid]) {
      assert.deepEqual(accountFieldsOf({ ...ada, ...changes }), { ...ada, ...none, fullName: '' });
    }
  });

  const allowed: [string, object][] = [
    ['a name of 3', { username: 'abc' }],
    ['a name of 64', { username: 'x'.repeat(64) }],
    ['a name of 3 characters of another script', { username: '王小明' }],
    ['the address as name', { username: 'ADA@example.com' }],
    [
      'a long address as name',
      { username: `${'a'.repeat(64)}@b.example`, email: `${'a'.repeat(64)}@b.example` },
    ],
    ['a password of 8', { password: '12345678' }],
    ['a password of 256', { password: 'x'.repeat(256) }],
    ['a nickname with emoji joined of several', { nickname: '👨‍👩‍👧 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿' }],
    ['a nickname of 100 emoji', { nickname: '🐎'.repeat(100) }],
    ['a phone of 5', { phone: '12345' }],
    ['a phone of 32', { phone: '+1 (555) 010-9999 1234 5678 9012' }],
    ['a password of 256 emoji', { password: '🐎'.repeat(256) }],
  ];
  for (const [what, changes] of allowed) {
    it(`may be: ${what}`, () => void accountFieldsOf({ ...ada, ...changes }));
  }

  const refused: [string, string, object][] = [
    ['a name of 2', 'username', { username: 'ab' }],
    ['blanks around a name of 2', 'username', { username: ' ab ' }],
    ['a name of 65', 'username', { username: 'x'.repeat(65) }],
    ['a name with a line break', 'username', { username: 'ada\nadmin' }],
    ['a name with an invisible character', 'username', { username: 'ada\u200b' }],
    ['somebody else’s address as name', 'username', { username: 'bob@example.com' }],
    ['no address', 'email', { email: '' }],
    ['an address without @', 'email', { email: 'ada.example.com' }],
    ['an address with two @', 'email', { email: 'ada@b@example.com' }],
    ['an address with a blank', 'email', { email: 'a da@example.com' }],
    ['a long address', 'email', { email: `ada@${'x'.repeat(200)}` }],
    ['a password of 7', 'password', { password: '1234567' }],
    ['a password of 257', 'password', { password: 'x'.repeat(257) }],
    ['a password of 4 emoji', 'password', { password: '🐎'.repeat(4) }],
    ['a nickname of 101', 'nickname', { nickname: 'x'.repeat(101) }],
    ['a nickname with a joiner that joins nothing', 'nickname', { nickname: 'a\u200db' }],
    ['a nickname that turns the text round', 'nickname', { nickname: '\u202e🐎' }],
    ['a nickname with a line break', 'nickname', { nickname: 'a\nb' }],
    ['a phone of 4', 'phone', { phone: '1234' }],
    ['a phone of 33', 'phone', { phone: '1'.repeat(33) }],
    ['a phone with letters', 'phone', { phone: '555-CALL-ME' }],
    ['a phone without a digit', 'phone', { phone: '+-()--' }],
    ['a phone with a line break', 'phone', { phone: '12345\n67890' }],
    ['a full name of 101', 'full_name', { fullName: 'x'.repeat(101) }],
    ['a full name with a control character', 'full_name', { fullName: '\u001b[31mAda' }],
  ];
  for (const [what, field, changes] of refused) {
    it(`may not be: ${what}`, () => {
      assert.throws(() => accountFieldsOf({ ...ada, ...changes }), { code: 'invalid_request', field });
    });
  }
});
