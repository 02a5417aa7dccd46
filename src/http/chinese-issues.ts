import { megabytes, prefixes, type Issue } from '../core/issue.ts';
import { inWords } from '../core/money/budget.ts';

type Texts = { [Kind in Issue['kind']]: (issue: Extract<Issue, { kind: Kind }>) => string };

/** What is wrong with the field `field`, in Chinese; a sentence where it is of no field. */
export function inChinese(issue: Issue, field?: string): string {
  const text = (texts[issue.kind] as (issue: Issue) => string)(issue);
  return field === undefined ? text : `${nameOf(field)}${text}`;
}

/** What people call the fields that they fill in; others are called as they are spelled. */
const names: Record<string, string> = {
  email: '邮箱',
  password: '密码',
  username: '用户名',
  full_name: '姓名',
  role: '角色',
  status: '状态',
  content: '内容',
  score: '评分',
  comment: '评论',
  name: '名称',
  title: '标题',
  body: '请求体',
};

function nameOf(field: string): string {
  return names[field] ?? `${field} `;
}

const types: Record<string, string> = {
  string: '字符串',
  number: '数字',
  integer: '整数',
  boolean: '布尔值',
  object: '对象',
  array: '数组',
  null: 'null',
};

const texts: Texts = {
  required: () => '为必填项',
  empty: () => '不能为空',
  type: (issue) => `必须是${issue.types.map((type) => types[type] ?? type).join('或')}`,
  json: () => '必须是 UTF-8 编码的有效 JSON',
  length: ({ min, max }) => `长度必须${bounds(min, max, '个字符')}`,
  line: ({ min, max }) => `必须是单行文本，长度${bounds(min, max, '个字符')}`,
  tokens: ({ tokens, max }) => `过长：连同系统提示约有 ${tokens} 个词元，而模型最多接受 ${max} 个`,
  range: ({ min, max, whole }) => `必须是${whole === true ? '整数' : '数字'}，且${bounds(min, max, '')}`,
  count: ({ min, max }) => `的条目数必须${bounds(min, max, '')}`,
  size: ({ max }) => `不能超过 ${max} 字节`,
  choice: ({ choices }) => `必须是以下值之一：${choices.map(String).join('、')}`,
  repeated: () => '不能包含重复的条目',
  unknown_field: () => '不是有效的字段',
  email: () => '格式不正确',
  time: () => '必须是 ISO 8601 格式的时间',
  day: () => '必须是 YYYY-MM-DD 格式的日期',
  after_end: ({ end }) => `不能晚于结束日期 ${end}`,
  future: () => '必须是将来的时间',
  url: () => '必须是有效的网址',
  protocol: ({ protocols }) => `必须以 ${prefixes(protocols).join(' 或 ')} 开头`,
  credentials: () => '不能包含用户名或密码',
  media_url: () => '必须是 https: 地址或 data: URL',
  media_type: ({ types }) => `必须是以下类型之一：${types.join('、')}`,
  base64: () => '必须是包含有效 base64 数据的 data: URL',
  media_content: ({ type }) => `的数据不是 ${type} 格式`,
  media_size: ({ max }) => `不能超过 ${megabytes(max)}`,
  no_capability: ({ model, part }) =>
    `无法处理：模型“${model}”不支持${mediaNames[part]}，请更换模型或去掉该内容`,
  media_count: ({ model, part, max }) => `过多：模型“${model}”最多接受 ${max} 个${mediaNames[part]}`,
  media_bytes: ({ model, max }) => `过大：模型“${model}”最多接受 ${megabytes(max)}（base64）`,
  no_model: ({ model }) => `不正确：模型“${model}”不存在`,
  no_chat: ({ model }) => `不正确：模型“${model}”不支持对话`,
  private_address: () => '必须是公网地址',
  invisible: () => '不能包含控制字符或不可见字符',
  phone: () => '必须是电话号码：5 到 32 个数字、空格、“+”、“-”或括号',
  name_with_at: () => '不能包含“@”，除非与邮箱相同',
  taken: () => '已被使用',
  shortcut_taken: () => '已有快捷回复使用此快捷词',
  no_agent: () => '必须是有效的客服',
  oneself: () => '是您自己的账户，请联系其他管理员',
  last_administrator: () => '是最后一个有效的管理员，请先添加其他管理员',
  key: () => '必须是 1 到 255 个可见的 ASCII 字符',
  frame_id: () => '必须是 1 到 255 个字符的文本或整数',
  key_reused: () => '已用于另一个请求',
  with_agent: ({ name }) => `此对话正由${name === '' ? '其他客服' : `“${name}”`}处理`,
  nothing_said: () => '客户尚未发言，没有可回复的内容',
  changed_meanwhile: () => '文章已被他人修改，请重新读取后再试',
  switched_off: () => '此 Webhook 已停用，请先启用',
  arrived: () => '此消息已送达，不会重复发送',
  not_there: ({ what }) => `${thingNames[what]}不存在`,
  not_yours: ({ what }) => `无权限访问该${thingNames[what]}`,
  over_budget: ({ budget, spent, reserved, share, resetsAt }) =>
    `本月预算为 ${inWords(budget)}，已使用 ${inWords(budget, spent)}，进行中的调用预留 ${inWords(budget, reserved)}，此次调用最多需要 ${inWords(budget, share)}；预算将于 ${new Date(resetsAt).toISOString()} 重置`,
  no_price: ({ model }) => `模型“${model}”的价格未知，不能在金额预算下使用，请联系管理员配置其价格`,
  made_again: () => '服务正在重启，恢复后会继续生成此回答，请稍后重新获取',
  nothing_to_change: () => '至少需要包含一个要修改的字段',
  invalid: () => '不正确',
};

const thingNames = { conversation: '对话', message: '消息' };

const mediaNames = { image: '图片', video: '视频' };

function bounds(min: number | undefined, max: number | undefined, unit: string): string {
  if (min === undefined) return `不超过 ${max} ${unit}`.trimEnd();
  if (max === undefined) return `不少于 ${min} ${unit}`.trimEnd();
  return min === max ? `为 ${min} ${unit}`.trimEnd() : `在 ${min} 到 ${max} ${unit}之间`;
}
