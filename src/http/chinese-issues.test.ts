import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { inEnglish, type Issue } from '../core/issue.ts';
import { inChinese } from './chinese-issues.ts';

const said: [Issue, field: string, english: string, chinese: string][] = [
  [{ kind: 'email' }, 'email', 'must be an e-mail address', '邮箱格式不正确'],
  [
    { kind: 'protocol', protocols: ['https:'] },
    'url',
    'must be an address that begins with https://',
    'url 必须以 https:// 开头',
  ],
  [{ kind: 'credentials' }, 'url', 'must not have a user name or password', 'url 不能包含用户名或密码'],
  [
    { kind: 'media_url' },
    'url',
    'must be an https: address or a data: URL',
    'url 必须是 https: 地址或 data: URL',
  ],
  [
    { kind: 'media_type', types: ['image/png', 'image/gif'] },
    'url',
    'must be one of image/png, image/gif',
    'url 必须是以下类型之一：image/png、image/gif',
  ],
  [
    { kind: 'base64' },
    'url',
    'must be a data: URL with valid base64',
    'url 必须是包含有效 base64 数据的 data: URL',
  ],
  [
    { kind: 'media_content', type: 'image/png' },
    'url',
    'must begin as image/png does',
    'url 的数据不是 image/png 格式',
  ],
  [{ kind: 'media_size', max: 10 * 1024 * 1024 }, 'url', 'must be at most 10 MiB', 'url 不能超过 10 MiB'],
  [
    { kind: 'no_capability', model: 'gpt-4', part: 'video' },
    'content.1',
    'the model "gpt-4" takes no videos; ask another model, or leave it out',
    'content.1 无法处理：模型“gpt-4”不支持视频，请更换模型或去掉该内容',
  ],
  [
    { kind: 'media_count', model: 'm', part: 'image', max: 1 },
    'content.1',
    'the model "m" takes at most 1 image',
    'content.1 过多：模型“m”最多接受 1 个图片',
  ],
  [
    { kind: 'media_count', model: 'm', part: 'video', max: 20 },
    'content.1',
    'the model "m" takes at most 20 videos',
    'content.1 过多：模型“m”最多接受 20 个视频',
  ],
  [
    { kind: 'media_bytes', model: 'm', max: 10_000_000 },
    'content.1',
    'the model "m" takes at most 9.5 MiB as base64',
    'content.1 过大：模型“m”最多接受 9.5 MiB（base64）',
  ],
  [{ kind: 'private_address' }, 'url', 'must be an address of the public internet', 'url 必须是公网地址'],
  [
    { kind: 'oneself' },
    'user_id',
    'is your own account; ask another administrator',
    'user_id 是您自己的账户，请联系其他管理员',
  ],
  [{ kind: 'required' }, 'session_id', 'is required', 'session_id 为必填项'],
  [{ kind: 'empty' }, 'content', 'must not be empty', '内容不能为空'],
  [
    { kind: 'type', types: ['object', 'null'] },
    'metadata',
    'must be object or null',
    'metadata 必须是对象或null',
  ],
  [
    { kind: 'length', min: 8, max: 256 },
    'password',
    'must be 8 to 256 characters',
    '密码长度必须在 8 到 256 个字符之间',
  ],
  [
    { kind: 'length', max: 2000 },
    'comment',
    'must be at most 2,000 characters',
    '评论长度必须不超过 2000 个字符',
  ],
  [
    { kind: 'range', min: 1, max: 5, whole: true },
    'score',
    'must be a whole number, 1 to 5',
    '评分必须是整数，且在 1 到 5 之间',
  ],
  [{ kind: 'range', min: 0 }, 'offset', 'must be a number, at least 0', 'offset 必须是数字，且不少于 0'],
  [
    { kind: 'day' },
    'start_date',
    'must be a day such as 2026-01-31',
    'start_date 必须是 YYYY-MM-DD 格式的日期',
  ],
  [
    { kind: 'after_end', end: '2026-01-31' },
    'start_date',
    'must not be after the end, 2026-01-31',
    'start_date 不能晚于结束日期 2026-01-31',
  ],
  [{ kind: 'json' }, 'body', 'must be valid JSON in UTF-8', '请求体必须是 UTF-8 编码的有效 JSON'],
  [
    { kind: 'no_model', model: 'm' },
    'model_name',
    'there is no model named "m" on this server',
    'model_name 不正确：模型“m”不存在',
  ],
  [
    { kind: 'no_chat', model: 'm' },
    'model_name',
    'the model "m" is not one that chats',
    'model_name 不正确：模型“m”不支持对话',
  ],
  [{ kind: 'count', min: 20, max: 20 }, 'tags', 'must have exactly 20 entries', 'tags 的条目数必须为 20'],
  [
    { kind: 'size', max: 8192 },
    'metadata',
    'must be at most 8,192 bytes as JSON',
    'metadata 不能超过 8192 字节',
  ],
  [
    { kind: 'choice', choices: ['ai', 'human'] },
    'agent_type',
    'must be one of "ai", "human"',
    'agent_type 必须是以下值之一：ai、human',
  ],
  [{ kind: 'taken', what: 'email' }, 'email', 'another account has this e-mail address', '邮箱已被使用'],
];

describe('what is wrong with a field', () => {
  for (const [issue, field, english, chinese] of said) {
    it(`is said in English and Chinese: ${chinese}`, () => {
      assert.equal(inEnglish(issue), english);
      assert.equal(inChinese(issue, field), chinese);
    });
  }

  it('is a sentence where it is of no field', () => {
    const gone: Issue = { kind: 'not_there', what: 'conversation' };
    assert.deepEqual([inEnglish(gone), inChinese(gone)], ['There is no such conversation.', '对话不存在']);
    const others: Issue = { kind: 'not_yours', what: 'message' };
    assert.deepEqual(
      [inEnglish(others), inChinese(others)],
      ['This message is not yours.', '无权限访问该消息'],
    );
  });
});
