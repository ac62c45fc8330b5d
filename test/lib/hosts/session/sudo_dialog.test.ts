import { describe, expect, test } from '@jest/globals';
import { ConnectionError, SecretError } from '../../../../lib/errors.ts';
import { refusal } from '../../../../lib/hosts/session/refusal.ts';
import { BecomePassword, type Reaction, type SudoDialog } from '../../../../lib/hosts/session/sudo_dialog.ts';
import { Secret } from '../../../../lib/task/secret.ts';

const password = (text = 'hunter2'): BecomePassword => new BecomePassword(new Secret('a test', () => text));

/** Says something in pieces, and gives what is to be done. */
function say(dialog: SudoDialog, stream: 'stdout' | 'stderr', text: string): readonly Reaction[] {
  const pieces = text.match(/.{1,5}/gs) ?? [];
  return pieces.map((piece) => dialog.hear(stream, Buffer.from(piece))).filter((reaction) => reaction !== 'listen');
}

describe('the talk with sudo', () => {
  test('answers once when it is asked, and begins when the shell is there', async () => {
    const dialog = await password().dialog();
    const { prompt, ready } = dialog.words;
    expect(say(dialog, 'stderr', 'We trust you have received the usual lecture\n')).toEqual([]);
    expect(say(dialog, 'stderr', prompt)).toEqual(['answer']);
    expect(dialog.answer.toString()).toBe('hunter2\n');
    expect(say(dialog, 'stdout', `Welcome!\n${ready}\n`)).toEqual(['begin']);
    expect(say(dialog, 'stderr', prompt + prompt)).toEqual([]);
  });

  test('says nothing where sudo asks for nothing', async () => {
    const dialog = await password().dialog();
    expect(say(dialog, 'stdout', `${dialog.words.ready}\n`)).toEqual(['begin']);
    expect(dialog.ended(new ConnectionError('the connection was lost')).message).toBe('the connection was lost');
    expect(dialog.refusal).toBeUndefined();
  });

  test('ends when sudo asks again, and no other connection to the machine tries', async () => {
    const machine = password();
    const dialog = await machine.dialog();
    const { prompt } = dialog.words;
    expect(say(dialog, 'stderr', `${prompt}Sorry, try again.\n${prompt}`)).toEqual(['answer', 'refuse']);
    expect(dialog.refusal?.message).toMatch(/^sudo on the host does not take the password for this user/);
    await expect(machine.dialog()).rejects.toBe(dialog.refusal);
  });

  test('ends where sudo tries only once', async () => {
    const machine = password();
    const dialog = await machine.dialog();
    say(dialog, 'stderr', dialog.words.prompt);
    const error = refusal(1, 'sudo: 1 incorrect password attempt', dialog);
    expect(error.message).toMatch(/does not take the password/);
    await expect(machine.dialog()).rejects.toBe(error);
  });

  test('keeps what else sudo says, and does not try that again either', async () => {
    const machine = password();
    const dialog = await machine.dialog();
    say(dialog, 'stderr', dialog.words.prompt);
    const error = refusal(1, 'keeper is not in the sudoers file.', dialog);
    expect(error.message).toContain('keeper is not in the sudoers file.');
    await expect(machine.dialog()).rejects.toBe(error);
  });

  test('is not over for good where only the link was lost', async () => {
    const machine = password();
    const dialog = await machine.dialog();
    say(dialog, 'stderr', dialog.words.prompt);
    expect((await machine.dialog()).words.prompt).not.toBe(dialog.words.prompt);
  });

  test('leaves nothing of itself in what a script prints', async () => {
    const dialog = await password().dialog();
    const { prompt, ready } = dialog.words;
    expect(dialog.behindReady(Buffer.from(`motd\n${ready}\nout\n`)).toString()).toBe('out\n');
    expect(dialog.behindPrompt(Buffer.from(`lecture\n${prompt}err\n`)).toString()).toBe('err\n');
    expect(dialog.behindPrompt(Buffer.from('err\n')).toString()).toBe('err\n');
    expect(dialog.withoutWords(`${prompt}Sorry`)).toBe('Sorry');
  });

  test('takes no password with a line break: what is behind it would be another line', async () => {
    await expect(password('one\ntwo').dialog()).rejects.toThrow(SecretError);
  });
});
