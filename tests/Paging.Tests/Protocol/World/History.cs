#if DEBUG
namespace Paging.Tests.Protocol;

/// <summary>The values that one element has had, one writer at a time. What a reader may find is what was there when it began, or came since.</summary>
/// <remarks>Only one thread of a run moves at a time, so this needs no locks.</remarks>
internal sealed class History
{
    private readonly List<long> _values = [0];
    private int _done;

    /// <summary>Position of the value that no reader that begins now can miss.</summary>
    internal int Done => _done;

    internal long Last => _values[^1];

    internal bool IsSettled => _done == _values.Count - 1;

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
