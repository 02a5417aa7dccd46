const english = `
a about after again all also am an and any are as at be because been before but by can could did do does doing don done
else for from give had has have having he hello help hey hi her here him his how i if in into is it its just kind let
like many may me might more most much my no nor not now of off on once only or other our out over own per please
possible really s same say says shall she should so some such tell than thank thanks that the their them then there these they
this those through to too under until up us very want was way we were what when where which while who whom whose why
will with without would yes yet you your explain describe mean meaning exactly
`;

const chinese = `
的 了 吗 呢 啊 吧 么 嘛 呀 是 在 有 和 与 或 及 我 你 您 它 他 她 我们 你们 他们 这 那 这个 那个 这些 那些 这里 那里 哪 哪些 哪个 哪里
哪儿 哪几 什么 什么样 怎么 怎样 怎么样 如何 为什么 为何 多少 多久 几 能 能否 可以 可 会 会不会 要 想 请 请问 一下 一个 一些 告诉 把 被
给 对 从 到 就 都 也 还 还有 很 不 没有 没 是否 是不是 有没有 能不能 可不可以 时 时候 介绍 里 里面 上 中 下 个 种 样 所 以 于 等 为 吗
关于 意思 知道 应该 需要 谁 呗 吧 之 其 而 但 但是 如果 那么 怎 以后 之后 解释 说明 说 讲 讲讲 自己 谢谢 你好 您好
`;

const weak = `
use used using make makes making made get gets getting work works working need needs change changes changing set sets setting
find found add adding put go keep keeps happen happens take takes see show know look run try new good best time times today thing things way
support supports supported allow allows possible
使用 用 做 改 修改 更改 设置 设定 设 放 看 查看 找 实现 工作 运行 发生 进行 获取 得到 添加 增加 加 支持
`;

/** Words that a question is phrased with, not about. */
export const stopWords: ReadonlySet<string> = new Set(`${english} ${chinese}`.split(/\s+/u).filter(Boolean));

/** Words that count, but far less than a noun does. */
export const weakWords: ReadonlySet<string> = new Set(weak.split(/\s+/u).filter(Boolean));
