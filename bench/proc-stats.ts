import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const ticksPerSecond = clockTicks();

/** Clock ticks a second in `/proc/<pid>/stat`; 100 on every common Linux. */
function clockTicks(): number {
  try {
    return Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' })) || 100;
  } catch {
    return 100;
  }
}

/** User and system CPU time of a process with all its threads, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is the command in brackets and may hold spaces: count from the closing bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

function statusMegabytes(pid: number, name: string): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return line ? Number(line[1]) / 1024 : Number.NaN;
}

/** The most memory the process ever held (`VmHWM`), in MB. */
export function peakRssMb(pid: number): number {
  return statusMegabytes(pid, 'VmHWM');
}

/** The memory the process holds now (`VmRSS`), in MB. */
export function rssMb(pid: number): number {
  return statusMegabytes(pid, 'VmRSS');
}
