"""How busy the machine is, beside the runs."""

import streamlit as st

from core.evaluation.proportions import say_share
from core.language import tr
from core.services.desk import Desk
from core.services.runs.host_usage import read_machine
from core.ui.words import size


def machine_row(desk: Desk) -> None:
    """Show processor, memory and disk, and each GPU where there is one."""
    now = read_machine(desk)
    with st.container(horizontal=True):
        st.metric(
            tr("Processor"),
            say_share(now.processor, 0),
            border=True,
            help=tr("Of {num_cores} cores.", num_cores=now.num_cores),
        )
        st.metric(
            tr("Memory in use"),
            say_share(now.memory_used / now.memory_total, 0),
            border=True,
            help=tr(
                "{memory_used} of {memory_total}.",
                memory_used=size(now.memory_used),
                memory_total=size(now.memory_total),
            ),
        )
        st.metric(tr("Disk free"), size(now.disk_free), border=True, help=tr("Where checkpoints are kept."))
        for gpu in now.gpus:
            told = say_share(gpu.utilisation, 0) if gpu.utilisation is not None else "–"
            memory = tr("unknown")
            if gpu.memory_used is not None and gpu.memory_total:
                memory = tr(
                    "{memory_used} of {memory_total}",
                    memory_used=size(gpu.memory_used),
                    memory_total=size(gpu.memory_total),
                )
            heat = tr("{temperature} °C", temperature=gpu.temperature) if gpu.temperature is not None else tr("unknown")
            st.metric(
                tr("GPU {index}", index=gpu.index),
                told,
                delta=f"{memory} · {heat}",
                delta_color="off",
                delta_arrow="off",
                border=True,
                help=gpu.name,
            )
