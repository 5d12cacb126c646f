/* completion.c: `kin completion`: what shells complete, from the table of each command. Of each shell there is a frame
 * that never changes, and a list of commands, options and arguments in it. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_shown(const command *it)
{
    return it->summary != NULL;
}

/* A text between single quotes; how a quote in it is written is the shell's. */
static void print_quoted(const char *text, const char *quote)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'') {
            fputs(quote, stdout);
        } else {
            putchar(*text);
        }
    }
    putchar('\'');
}

#define POSIX_QUOTE "'\\''"
#define POWERSHELL_QUOTE "''"

/* The words of arguments, without brackets. */
static void print_arguments(const command *it, const char *before, const char *after)
{
    int length;
    const char *word;
    for (int n = 0; (word = command_word(it->arguments, n, &length)) != NULL; n++) {
        bool optional = word[0] == '[';
        printf("%s%.*s%s", before, optional ? length - 2 : length, word + optional, after);
    }
}

/* ---- bash: bash(1), Programmable Completion ---- */

static const char bash_begin[] =
    "# bash completion for kin: printed by `kin completion bash`.\n"
    "_kin() {\n"
    "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    local command=${COMP_WORDS[1]} next=2 words='' kind='' options='' valued='' arguments='' i each\n"
    "    local -a given=() kinds=()\n"
    "    COMPREPLY=()\n"
    "    if [[ $command == manager ]] && ((COMP_CWORD > 2)); then\n"
    "        command=\"manager ${COMP_WORDS[2]}\" next=3\n"
    "    fi\n"
    "    case $command in\n";

static const char bash_middle[] = "    esac\n"
                                  "    case \"$command $before\" in\n";

/* What is to be completed is an argument: which, the arguments before it say. They are not options, nor the values of
 * options. */
static const char bash_end[] =
    "    if ((COMP_CWORD == 1)); then\n"
    "        words=$commands\n"
    "    elif [[ $command == manager && $COMP_CWORD == 2 ]]; then\n"
    "        words=$managers\n"
    "    elif [[ -z $kind && $word == -* ]]; then\n"
    "        words=$options\n"
    "    elif [[ -z $kind ]]; then\n"
    "        for ((i = next; i < COMP_CWORD; i++)); do\n"
    "            each=${COMP_WORDS[i]}\n"
    "            if [[ $each == -?* ]]; then\n"
    "                [[ \" $valued \" != *\" $each \"* ]] || ((i++))\n"
    "            else\n"
    "                given+=(\"$each\")\n"
    "            fi\n"
    "        done\n"
    "        read -ra kinds <<<\"$arguments\"\n"
    "        kind=${kinds[${#given[@]}]-}\n"
    "    fi\n"
    "    case $kind in\n"
    "        '') ;;\n"
    "        NAME) words=$(\"${COMP_WORDS[0]}\" names 2>/dev/null) ;;\n"
    "        DICT | QUEUE | LOCK) words=$(\"${COMP_WORDS[0]}\" names --type \"${kind,,}\" \"${given[0]}\" 2>/dev/null) "
    ";;\n"
    "        OBJECT) words=$(\"${COMP_WORDS[0]}\" names \"${given[0]}\" 2>/dev/null) ;;\n"
    "        KEY) words=$(\"${COMP_WORDS[0]}\" keys \"${given[0]}\" \"${given[1]}\" 2>/dev/null) ;;\n"
    "        COMMAND) words=$commands ;;\n"
    "        SHELL) words=$'bash\\nzsh\\npowershell' ;;\n"
    "        *[[:lower:]]*) words=${kind// /$'\\n'} ;;\n"
    "    esac\n"
    "    while IFS= read -r each; do # compgen -W would expand what others have written\n"
    "        if [[ -n $each && $each == \"$word\"* ]]; then\n"
    "            COMPREPLY+=(\"$(printf %q \"$each\")\")\n"
    "        fi\n"
    "    done <<<\"$words\"\n"
    "}\n"
    "complete -F _kin kin\n";

/* Names of commands, one on each line: first words, or the second ones of a first word. */
static void print_names(const char *first)
{
    const char *before = "";
    size_t length = strlen(first);
    for (const command *const *each = commands; *each; each++) {
        const char *name = (*each)->name;
        if (is_shown(*each) && strncmp(name, first, length) == 0) {
            size_t end = strcspn(name + length, " ");
            if (strncmp(before, name, length + end) != 0) {
                printf("%s%.*s", before[0] ? "\n" : "", (int)end, name + length);
            }
            before = name;
        }
    }
}

static void print_option_names(const command *it, bool valued)
{
    for (const command_option *each = it->options; each->name; each++) {
        if (!valued || each->value == TOOL_REQUIRED) {
            printf("--%s%s", each->name, valued ? " " : "\n");
        }
    }
    printf("%s", valued ? "" : "--help");
}

static void print_bash(void)
{
    fputs(bash_begin, stdout);
    for (const command *const *each = commands; *each; each++) {
        if (is_shown(*each)) {
            printf("        '%s')\n            options='", (*each)->name);
            print_option_names(*each, false);
            printf("' valued='");
            print_option_names(*each, true);
            printf("' arguments='");
            print_arguments(*each, "", " ");
            printf("'\n            ;;\n");
        }
    }
    fputs(bash_middle, stdout);
    for (const command *const *each = commands; *each; each++) {
        for (const command_option *one = (*each)->options; is_shown(*each) && one->name; one++) {
            if (one->value == TOOL_REQUIRED) {
                printf("        '%s --%s') kind='%s' ;;\n", (*each)->name, one->name,
                       one->choices ? one->choices : one->argument);
            }
        }
    }
    fputs("    esac\n    local commands='", stdout);
    print_names("");
    fputs("' managers='", stdout);
    print_names("manager ");
    fputs("'\n", stdout);
    fputs(bash_end, stdout);
}

/* ---- zsh: zshcompsys(1) ---- */

static const char zsh_begin[] =
    "#compdef kin\n"
    "# zsh completion for kin: printed by `kin completion zsh`.\n"
    "_kin() {\n"
    "    local kin=${(Q)words[1]} command=${words[2]} before=${words[CURRENT-1]} kind= arguments= valued= each\n"
    "    local -i next=3 i\n"
    "    local -a options given found commands managers\n";

static const char zsh_middle[] = "    if [[ $command == manager ]] && (( CURRENT > 3 )); then\n"
                                 "        command=\"manager ${words[3]}\" next=4\n"
                                 "    fi\n"
                                 "    case $command in\n";

static const char zsh_end[] =
    "    esac\n"
    "    if (( CURRENT == 2 )); then\n"
    "        _describe command commands\n"
    "        return\n"
    "    elif [[ $command == manager ]] && (( CURRENT == 3 )); then\n"
    "        _describe command managers\n"
    "        return\n"
    "    elif [[ -z $kind && ${words[CURRENT]} == -* ]]; then\n"
    "        _describe -o option options\n"
    "        return\n"
    "    elif [[ -z $kind ]]; then\n"
    "        for (( i = next; i < CURRENT; i++ )); do\n"
    "            each=${(Q)words[i]}\n"
    "            if [[ $each == -?* ]]; then\n"
    "                [[ \" $valued \" == *\" $each \"* ]] && (( i++ ))\n"
    "            else\n"
    "                given+=(\"$each\")\n"
    "            fi\n"
    "        done\n"
    "        kind=${${=arguments}[$#given + 1]}\n"
    "    fi\n"
    "    case $kind in\n"
    "        (NAME) found=(\"${(@f)$(\"$kin\" names 2>/dev/null)}\") ;;\n"
    "        (DICT|QUEUE|LOCK) found=(\"${(@f)$(\"$kin\" names --type ${(L)kind} \"$given[1]\" 2>/dev/null)}\") ;;\n"
    "        (OBJECT) found=(\"${(@f)$(\"$kin\" names \"$given[1]\" 2>/dev/null)}\") ;;\n"
    "        (KEY) found=(\"${(@f)$(\"$kin\" keys \"$given[1]\" \"$given[2]\" 2>/dev/null)}\") ;;\n"
    "        (COMMAND) found=(\"${(@)commands%%:*}\") ;;\n"
    "        (SHELL) found=(bash zsh powershell) ;;\n"
    "        (*[[:lower:]]*) found=(${=kind}) ;;\n"
    "    esac\n"
    "    found=(\"${(@)found:#}\")\n"
    "    (( $#found == 0 )) || compadd -a found\n"
    "}\n"
    "if [[ ${funcstack[1]} == _kin ]]; then\n"
    "    _kin \"$@\"\n"
    "else\n"
    "    compdef _kin kin\n"
    "fi\n";

/* 'word:what it is': _describe divides at the colon. */
static void print_described(const char *before, const char *word, int length, const char *text)
{
    char all[256];
    snprintf(all, sizeof all, "%s%.*s:%s", before, length, word, text);
    putchar(' ');
    print_quoted(all, POSIX_QUOTE);
}

static void print_zsh_commands(void)
{
    printf("    commands=(");
    for (const command *const *each = commands; *each; each++) {
        if (is_shown(*each) && !strchr((*each)->name, ' ')) {
            print_described("", (*each)->name, (int)strlen((*each)->name), (*each)->summary);
        }
    }
    printf(" 'manager:start, list and stop processes that keep families alive')\n    managers=(");
    for (const command *const *each = commands; *each; each++) {
        if (is_shown(*each) && strncmp((*each)->name, "manager ", 8) == 0) {
            print_described("", (*each)->name + 8, (int)strlen((*each)->name + 8), (*each)->summary);
        }
    }
    printf(")\n");
}

static void print_zsh_command(const command *it)
{
    printf("        ('%s')\n            arguments='", it->name);
    print_arguments(it, "", " ");
    printf("' valued='");
    print_option_names(it, true);
    printf("'\n            options=(");
    for (const command_option *each = it->options; each->name; each++) {
        print_described("--", each->name, (int)strlen(each->name), each->help);
    }
    printf(" '--help:print a summary')\n            case $before in\n");
    for (const command_option *each = it->options; each->name; each++) {
        if (each->value == TOOL_REQUIRED) {
            printf("                (--%s) kind='%s' ;;\n", each->name, each->choices ? each->choices : each->argument);
        }
    }
    printf("            esac\n            ;;\n");
}

static void print_zsh(void)
{
    fputs(zsh_begin, stdout);
    print_zsh_commands();
    fputs(zsh_middle, stdout);
    for (const command *const *each = commands; *each; each++) {
        if (is_shown(*each)) {
            print_zsh_command(*each);
        }
    }
    fputs(zsh_end, stdout);
}

/* ---- PowerShell: learn.microsoft.com/powershell/module/microsoft.powershell.core/register-argumentcompleter ---- */

static const char powershell_begin[] = "# PowerShell completion for kin: printed by `kin completion powershell`.\n"
                                       "Register-ArgumentCompleter -Native -CommandName kin -ScriptBlock {\n"
                                       "    param($wordToComplete, $commandAst, $cursorPosition)\n"
                                       "    $table = [ordered]@{\n";

static const char powershell_end[] =
    "    }\n"
    "    $kin = $commandAst.CommandElements[0].ToString()\n"
    "    $given = @($commandAst.CommandElements | Select-Object -Skip 1 |\n"
    "        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })\n"
    "    $found = @()\n"
    "    $command = $given | Select-Object -First 1\n"
    "    $skip = 1\n"
    "    if ($command -eq 'manager' -and $given.Count -gt 1) {\n"
    "        $command = 'manager ' + $given[1]\n"
    "        $skip = 2\n"
    "    }\n"
    "    if ($given.Count -eq 0) {\n"
    "        $found = $table.Keys | ForEach-Object { ($_ -split ' ')[0] } | Select-Object -Unique\n"
    "    } elseif ($command -eq 'manager') {\n"
    "        $found = $table.Keys | Where-Object { $_ -like 'manager *' } | ForEach-Object { ($_ -split ' ')[1] }\n"
    "    } elseif ($table.Contains($command)) {\n"
    "        $it = $table[$command]\n"
    "        $kind = $it.Values[$given[-1]]\n"
    "        if (-not $kind -and $wordToComplete -like '-*') {\n"
    "            $found = $it.Options\n"
    "        } else {\n"
    "            $plain = @()\n"
    "            for ($i = $skip; $i -lt $given.Count; $i++) {\n"
    "                if ($given[$i] -notlike '-?*') { $plain += $given[$i] }\n"
    "                elseif ($it.Values.ContainsKey($given[$i])) { $i++ }\n"
    "            }\n"
    "            if (-not $kind -and $plain.Count -lt $it.Arguments.Count) { $kind = $it.Arguments[$plain.Count] }\n"
    "            switch -CaseSensitive -Regex ($kind) {\n"
    "                '^NAME$' { $found = & $kin names 2>$null }\n"
    "                '^(DICT|QUEUE|LOCK)$' { $found = & $kin names --type $kind.ToLower() $plain[0] 2>$null }\n"
    "                '^OBJECT$' { $found = & $kin names $plain[0] 2>$null }\n"
    "                '^KEY$' { $found = & $kin keys $plain[0] $plain[1] 2>$null }\n"
    "                '^SHELL$' { $found = 'bash', 'zsh', 'powershell' }\n"
    "                '^COMMAND$' { $found = $table.Keys }\n"
    "                '[a-z]' { $found = $kind -split ' ' }\n"
    "            }\n"
    "        }\n"
    "    }\n"
    "    $found | Where-Object { $_ -and $_.StartsWith($wordToComplete) } | ForEach-Object {\n"
    "        $text = if ($_ -match '[^\\w.-]') { \"'\" + $_.Replace(\"'\", \"''\") + \"'\" } else { $_ }\n"
    "        [System.Management.Automation.CompletionResult]::new($text, $_, 'ParameterValue', $_)\n"
    "    }\n"
    "}\n";

static void print_powershell(void)
{
    fputs(powershell_begin, stdout);
    for (const command *const *each = commands; *each; each++) {
        if (!is_shown(*each)) {
            continue;
        }
        printf("        '%s' = @{ Arguments = @('' ", (*each)->name);
        print_arguments(*each, ", '", "'");
        printf(" | Select-Object -Skip 1); Options = @('--help'");
        for (const command_option *one = (*each)->options; one->name; one++) {
            printf(", '--%s'", one->name);
        }
        printf("); Values = @{ ");
        for (const command_option *one = (*each)->options; one->name; one++) {
            if (one->value == TOOL_REQUIRED) {
                printf("'--%s' = '%s'; ", one->name, one->choices ? one->choices : one->argument);
            }
        }
        printf("} }\n");
    }
    fputs(powershell_end, stdout);
}

/* ---- the command ---- */

static int completion_run(command_line *line)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"powershell", print_powershell}};
    command_next(line);
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shells[i].name, line->arguments[0]) == 0) {
            shells[i].print();
            return EXIT_SUCCESS;
        }
    }
    command_misused(line, "'%s' is none of bash, zsh, powershell", line->arguments[0]);
}

const command completion_command = {
    .name = "completion",
    .arguments = "SHELL",
    .summary = "print what a shell needs to complete kin's command lines",
    .details =
        "Prints a script for the shell SHELL: bash, zsh or powershell. It completes commands, options and their\n"
        "values, and the names of families, objects and keys that there are. Packages install it where the\n"
        "shells look for it; where that is not so, the shell reads it when it starts.",
    .examples = "source <(kin completion bash)\nkin completion zsh >~/.zfunc/_kin\n"
                "kin completion powershell | Out-String | Invoke-Expression\n",
    .options = command_no_options,
    .run = completion_run,
};
