#if DEBUG
using System.Globalization;
using System.Text;
using Paging.TestSeam;

namespace Paging.Tests.Protocol;

/// <summary>The last switches of a run, for the report of its failure.</summary>
internal sealed class SwitchTrace
{
    private const int Length = 48;
    private readonly (int Step, int From, string At, int To)[] _switches = new (int, int, string, int)[Length];
    private int _count;
    private ulong _hash = 14695981039346656037;

    /// <summary>Differs, very likely, between runs that switched differently.</summary>
    internal ulong Hash => _hash;

    internal int Count => _count;

    internal void Clear()
    {
        _count = 0;
        _hash = 14695981039346656037;
    }

    internal void Add(int step, int from, string at, int to)
    {
        _switches[_count++ % Length] = (step, from, at, to);
        _hash = Dice.Mix(_hash ^ ((ulong)step << 16) ^ ((ulong)(uint)from << 8) ^ (ulong)(uint)to);
    }

    internal static string Name(SharedWord word) => s_names[(int)word];

    public override string ToString()
    {
        var text = new StringBuilder();
        for (int i = Math.Max(0, _count - Length); i < _count; i++)
        {
            (int step, int from, string at, int to) = _switches[i % Length];
            text.Append(CultureInfo.InvariantCulture, $"  step {step,5}: {Lane(from)} at {at,-14} → {Lane(to)}\n");
        }

        return text.ToString();
    }

    private static string Lane(int lane) => lane == 0 ? "director" : $"thread {lane}";

    private static readonly string[] s_names = Enum.GetNames<SharedWord>();
}
#endif
