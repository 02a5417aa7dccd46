/** Pieces of regular expressions for what messages begin with. All match case-folded text. */

const questionWords = `what how why when where who which whose whom is are am was were do does did can could should would will
has have`;

const requestVerbs = `explain describe compare summarize summarise define list write give show tell help translate suggest
recommend create generate make draft outline calculate compute convert find name draw design plan review fix debug rewrite
solve analyze analyse check prove provide implement build explore discuss`;

/** Verbs after which "how do I", "how can I" and "how to" ask for the same instructions. */
const taskVerbs = `reset change install uninstall create delete remove add set configure setup enable disable turn open close
start stop restart undo revert export import download upload update upgrade downgrade connect disconnect cancel convert sort
read write run build deploy test debug fix solve calculate compute make cook bake draw learn improve reduce increase find check
use get send contact return track buy purchase order pay sell register activate deactivate link unlink share print scan copy
move merge split rename replace format clean remove block unblock save restore back encrypt log sign`;

const taskVerbsZh = `安装 卸载 重置 删除 创建 新建 添加 移除 查看 查询 修改 更改 更换 关闭 打开 开启 启用 禁用 停用 启动 停止 重启 连接 断开 申请
使用 读取 写入 下载 上传 登录 登出 注册 注销 取消 设置 配置 更新 升级 导出 导入 购买 付款 支付 退款 退货 换货 联系 绑定 解绑 充值 提现 学习 实现
提高 降低 增加 减少 制作 锁定 解锁 部署 编译 调试 备份 恢复 打印 转换 排序 计算 用 在 把 将 从 给 截屏 提升 改善 预约 发送 分享 复制 移动`;

const requestVerbsZh = `解释 说明 介绍 讲解 讲 帮 给 告诉 列 写 用 把 将 比较 对比 翻译 总结 概括 描述 推荐 分析 简述 简单 详细 为我 根据 举 提供 生成
设计 创建 编写 计算 回答 检查 修改 实现 证明 打开 关闭 开启`;

const questionWordsZh =
  '什么|怎|如何|为何|哪|谁|几|多少|多久|多长|多大|多高|吗|呢|是否|能否|何时|能不能|可不可以|有没有|是不是';

const anyOf = (words: string) => words.trim().split(/\s+/u).join('|');

export const questionStart = `(?:${anyOf(questionWords)})\\b`;
export const requestStart = `(?:${anyOf(requestVerbs)})\\b`;
export const taskStart = `(?:${anyOf(taskVerbs)})\\b`;
export const taskStartZh = `(?:${anyOf(taskVerbsZh)})`;
export const requestStartZh = `(?:${anyOf(requestVerbsZh)})`;
export const questionZh = `(?:${questionWordsZh})`;

/** How a request begins, once greetings and "please" are gone. */
export const opener = `(?:${questionStart}|${requestStart}|i (?:want|need|have|would|am|can)\\b|${questionZh}|${requestStartZh}|我)`;
