#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The values that one element has had, one writer at a time. What a reader may find is what was there when it began, or came
/// since.</summary>
/// <remarks>Only one thread of a run moves at a time, so this needs no locks.</remarks>
internal sealed class History
{
    private readonly List<long> _values = [0];
    private int _done;

    /// <summary>So many of the first values are what a cloned element may have begun with: one of them, and nobody knows which before it is
    /// read.</summary>
    private int _candidates = 1;

    /// <summary>Position of the value that no reader that begins now can miss.</summary>
    internal int Done => _done;

    internal bool IsSettled => _done == _values.Count - 1 || (_done == 0 && _values.Count == _candidates);

    /// <summary>The history of a clone's element, which is one of the values that this one had since then.</summary>
    internal History Fork(int from)
    {
        var fork = new History();
        fork._values.Clear();
        fork._values.AddRange(_values.Skip(from));
        fork._candidates = fork._values.Count;
        return fork;
    }

    internal void Begin(long value) => _values.Add(value);

    internal void End() => _done = _values.Count - 1;

    /// <summary>The write was refused: it must not have had any effect.</summary>
    internal void Abandon() => _values.RemoveAt(_values.Count - 1);

    internal bool Allows(int from, Func<long, long> project, long found)
    {
        for (int i = from; i < _values.Count; i++)
        {
            if (project(_values[i]) == found)
            {
                return true;
            }
        }

        return false;
    }

    internal string Describe(int from) => string.Join(", ", _values.Skip(from).Select(static value => $"{value:x}"));
}
#endif
