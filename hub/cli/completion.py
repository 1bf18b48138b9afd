"""Completion by the shell: file names where a file is meant, and nothing where the hub has nothing to offer.

typer would offer file names in both cases, and has no public way to change it.
"""

import os
import re
import sys
from collections.abc import Sequence
from typing import override

from typer._click.shell_completion import CompletionItem, add_completion_class, split_arg_string
from typer._completion_classes import BashComplete, FishComplete, ZshComplete
from typer._completion_shared import _completion_scripts

_FILES = ":files"
_MARK = "\0"
_SPECIAL = re.compile(r"([^\w@%+=:,./-])")
_BASH = r"""
%(complete_func)s() {
    local IFS=$'\n'
    mapfile -t COMPREPLY < <( env COMP_WORDS="${COMP_WORDS[*]}" \
                              COMP_CWORD=$COMP_CWORD \
                              %(autocomplete_var)s=complete_bash $1 )
    case ${COMPREPLY[0]} in
        '') COMPREPLY=() ;;
        :files) COMPREPLY=(); compopt -o default ;;
        *=) compopt -o nospace ;;
    esac
}

complete -F %(complete_func)s %(prog_name)s
"""


def files(incomplete: str) -> list[str]:
    """Completes a file's name: what stands for it is left to the shell."""
    return [incomplete + _MARK]


class _Bash(BashComplete):
    @override
    def get_completion_args(self) -> tuple[list[str], str]:
        """The words as typed: bash parts them at `=`."""
        words: list[str] = []
        for raw in _words_of_bash():
            word = " ".join(split_arg_string(raw))
            if words and (raw == "=" or words[-1].endswith("=")):
                words[-1] += word
            else:
                words.append(word)
        return words[1:-1], words[-1]

    @override
    def complete(self) -> str:
        args, incomplete = self.get_completion_args()
        items = self.get_completions(args, incomplete)
        if _means_files(items):
            return _FILES
        said = incomplete[: incomplete.rfind("=") + 1]
        values = [item.value.removeprefix(said) for item in items]
        is_quoted = _words_of_bash()[-1][:1] in {'"', "'"}
        return "\n".join(values if is_quoted else [_SPECIAL.sub(r"\\\1", value) for value in values])


class _Zsh(ZshComplete):
    @override
    def complete(self) -> str:
        items = self.get_completions(*self.get_completion_args())
        if _means_files(items):
            return "_files"
        shown = "\n".join(self.format_completion(item) for item in items)
        return f"_arguments '*: :(({shown}))'" if items else ":"


class _Fish(FishComplete):
    @override
    def complete(self) -> str:
        items = self.get_completions(*self.get_completion_args())
        if os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
            sys.exit(1 if _means_files(items) else 0)
        return "\n".join(self.format_completion(item) for item in items)


def take_over() -> None:
    """Complete as above from now on; typer sets its own ways whenever it makes a command of an app."""
    add_completion_class(_Bash, "bash")
    add_completion_class(_Zsh, "zsh")
    add_completion_class(_Fish, "fish")
    _completion_scripts["bash"] = _BASH


def _means_files(items: Sequence[CompletionItem]) -> bool:
    return any(item.value.endswith(_MARK) for item in items)


def _words_of_bash() -> list[str]:
    """The words up to the cursor, with their quotes, parted by newlines as the script passes them."""
    count = int(os.environ["COMP_CWORD"]) + 1
    words = os.environ["COMP_WORDS"].split("\n")[:count]
    return words if len(words) == count else [*words, ""]
